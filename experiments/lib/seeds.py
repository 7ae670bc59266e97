"""The same training with several seeds: that of seed 0 is in a results folder, that of seed K in its `seeds/K`.

    results/fig06            --seed 0
    results/seeds/1/fig06    --seed 1 --results-dir results/seeds/1

NumPy and the standard library only.
"""

import os
from pathlib import Path

from experiments.lib import damage, records, study

FOLDER = "seeds"
# And recipe and images, see `differing`.
ALIKE = ("budget", "steps", "problem", "noise", "training_images", "parameters", "diffusion")
COUNTED = {"steps": "steps", "training_images": "training images"}


def folder(root, seed):
    """The results folder of a seed, within that of seed 0."""
    return Path(root) / FOLDER / str(seed) if seed else Path(root)


def folders(root):
    """The folders of seed 0 and of all other seeds, in order: a list of paths."""
    others = [path.name for path in (Path(root) / FOLDER).glob("*") if path.name.isdigit() and int(path.name)]
    return [folder(root, seed) for seed in (0, *sorted(map(int, others)))]


def root_of(directory):
    """The results folder of seed 0 if this is the folder of another seed; else the folder itself."""
    path = Path(directory).absolute()
    further = path.name.isdigit() and path.parent.name == FOLDER
    return Path(os.path.normpath(Path(directory) / ".." / "..")) if further else Path(directory)


def trainings(name, root):
    """The trainings of an experiment from all seeds, on the same images and of the same length and recipe.

    Args:
        name: the experiment's NAME.
        root: the results folder of seed 0.

    Returns:
        A list of (record, arrays), the training of the lowest folder first. One that differs from it in more than
        its seed is left out, with a line on stderr, once per process.

    Raises:
        FileNotFoundError: when there is none.
        ValueError: when one is damaged, outside a `damage.left_out` block.
    """
    there = [path for path in folders(root) if (path / name / records.RECORD).exists()]
    if not there:
        records.load(Path(root) / name)  # raises, and says what to run
    found = []
    for path in there:
        try:
            record, arrays = records.load(path / name)
            if "seed" not in record:
                raise ValueError(f"{path / name / records.RECORD} has no seed; expected the record of a training.")
        except (ValueError, OSError) as error:
            damage.note(path / name, error)
            continue
        different = differing(found[0][0], record) if found else []
        if any(record["seed"] == other["seed"] for other, _ in found):
            different = [f"seed {record['seed']} is there already"]
        if different:
            damage.say(f"{path / name} is left out: {'; '.join(different)}.")
        else:
            found.append((record, arrays))
    if not found:
        raise FileNotFoundError(f"{there[0] / name} cannot be read.")
    return found


def differing(one, other):
    """The differences of two records of a training, apart from the seed: a list of phrases, empty if there are none.

    Such as "20 steps, those of seed 0 are 30,000".
    """
    recipes = [record.get("recipe") or {} for record in (one, other)]
    # A recipe of an older commit has fewer fields. A budget of --steps says what the steps say.
    shared = [key for key in recipes[0] if key in recipes[1]]
    unlike = [key for key in ALIKE if one.get(key) != other.get(key)]
    unlike = [key for key in unlike if key != "budget" or "steps" not in unlike]
    words = [_unlike(key, other.get(key), one.get(key), one) for key in unlike]
    for key in shared:
        if recipes[0][key] != recipes[1][key]:
            words.append(_unlike(f"recipe's {key}", recipes[1][key], recipes[0][key], one))
    words += [] if shared else ["no recipe to compare"]
    return words + [f"other {kind} images" for kind in ("training", "test") if not _same_images(one, other, kind)]


def _unlike(key, there, wanted, one):
    """One difference in words, with both values."""
    there, wanted = (f"{value:,}" if isinstance(value, int) else value for value in (there, wanted))
    if key in COUNTED:
        return f"{there} {COUNTED[key]}, those of seed {one['seed']} are {wanted}"
    return f"{key} {there}, that of seed {one['seed']} is {wanted}"


def _same_images(one, other, kind):
    """Whether two records have the same images: by their content or, if it is not recorded, by their names."""
    sets = [(record.get("image_sets") or {}).get(kind) for record in (one, other)]
    if all(sets):
        return all(sets[0][key] == sets[1][key] for key in ("sha256", "split", "count"))
    return all(one[key] == other[key] for key in study.SAME)
