"""The same training from several seeds: that of seed 0 stands in a results folder, others in `seeds/K` within it.

    results/fig06            --seed 0
    results/seeds/1/fig06    --seed 1 --results_dir results/seeds/1

NumPy and the standard library only.
"""

import sys
from pathlib import Path

from experiments.lib import records, study

FOLDER = "seeds"
# And recipe and images, see `differing`.
ALIKE = ("budget", "steps", "problem", "noise", "training_images", "parameters", "diffusion")


def folder(root, seed):
    """The results folder of a seed, within that of seed 0."""
    return Path(root) / FOLDER / str(seed) if seed else Path(root)


def folders(root):
    """That of seed 0 and those of all other seeds that there are, in their order: a list of paths."""
    others = [path.name for path in (Path(root) / FOLDER).glob("*") if path.name.isdigit() and int(path.name)]
    return [folder(root, seed) for seed in (0, *sorted(map(int, others)))]


def trainings(name, root):
    """The trainings of an experiment from all seeds, on the same images and of the same length and recipe.

    Args:
        name: the experiment's NAME.
        root: the results folder of seed 0.

    Returns:
        A list of (record, arrays), the training of the lowest folder first. One that differs from that first in more
        than its seed is left out, with a line on stderr.

    Raises:
        FileNotFoundError: when there is none.
    """
    there = [path for path in folders(root) if (path / name / records.RECORD).exists()]
    if not there:
        records.load(Path(root) / name)  # raises, and says what to run
    found = []
    for path in there:
        record, arrays = records.load(path / name)
        different = differing(found[0][0], record) if found else []
        if any(record["seed"] == other["seed"] for other, _ in found):
            different = ["the seed, which is there already"]
        if different:
            print(f"{path / name} is left out: it differs in {', '.join(different)}.", file=sys.stderr)
        else:
            found.append((record, arrays))
    return found


def differing(one, other):
    """In what two records of a training differ beside the seed: a list of words, empty where they are alike."""
    words = [key for key in ALIKE if one.get(key) != other.get(key)]
    recipes = [record.get("recipe") or {} for record in (one, other)]
    shared = recipes[0].keys() & recipes[1].keys()  # a recipe of an older commit has fewer fields
    words += ["recipe"] if any(recipes[0][key] != recipes[1][key] for key in shared) or not shared else []
    words += [f"{kind} images" for kind in ("training", "test") if not _same_images(one, other, kind)]
    return words


def _same_images(one, other, kind):
    """Whether two records are of the same images: by their content, or where it is not recorded by their names."""
    sets = [(record.get("image_sets") or {}).get(kind) for record in (one, other)]
    if all(sets):
        return all(sets[0][key] == sets[1][key] for key in ("sha256", "split", "count"))
    return all(one[key] == other[key] for key in study.SAME)
