"""What captions share: counted things, noise in per cent, how trainings went; and where a figure comes from."""


def count(number, word):
    """A number with its noun: "1 step", "2,400 steps"."""
    return f"{number:,} {word}{'s' * (number != 1)}"


def percent(noise):
    """σ in words: "1 % noise", "no noise"."""
    return f"{100 * noise:g} % noise" if noise else "no noise"


def noisy(noise):
    """As `percent`, after a comma; "" without noise."""
    return f", {percent(noise)}" if noise else ""


def listed(words):
    """Words as a list in a sentence: "a, b and c"."""
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last


# ---- Provenance: in the record, and on the page of results -----------------------------------------------------------


def provenance(record):
    """Where a record comes from, in one line: images, budget, trainings, seed and commit, where it has them."""
    if record.get("source") == "none":
        return f"read off the model; commit {record['commit'][:7]}"
    images = [record.get(key) for key in ("data", "test_data")]
    trained = record.get("training_images")
    said = [
        f"images {' → '.join(dict.fromkeys(filter(None, images)))}" if any(images) else "",
        f"budget {record['budget']}" if "budget" in record else "",
        trainings(record) if "recipe" in record and "steps" in record else "",
        _runs(record.get("runs", ())),
        f"U-Net {trainings(record['unet'])}" if "unet" in record else "",
        f"U-Net {trainings(*record['unets'])}" if record.get("unets") else "",
        count(trained, "training image") if trained else "",
        count(len(record["parts"]), "part") if "parts" in record else "",
        f"seed {record['seed']}" if "seed" in record else "",
        f"commit {record['commit'][:7]}" if record.get("commit") else "",
    ]
    return "; ".join(filter(None, said))


def _runs(runs):
    """The number of trainings and their steps, in words."""
    steps = [run["steps"] for run in runs if run.get("steps")]
    return f"{count(len(steps), 'training')} of {_range(steps)}" if steps else ""


def source(record):
    """Where the images come from: the record's note, or their names."""
    return record.get("note") or f"{record['source']} ({record['data']}, {record['test_data']})."


def trainings(*runs):
    """Steps, batch, crops and, if special, the machine of some trainings, joined by "; "."""
    steps = {}
    for run in runs:
        steps.setdefault(_after_steps(run), set()).add(run["steps"])
    return "; ".join(f"{_range(numbers)} {after}" for after, numbers in steps.items())


def _range(numbers):
    least, most = min(numbers), max(numbers)
    return count(most, "step") if least == most else f"{least:,} to {count(most, 'step')}"


def _after_steps(run):
    recipe, numerics = run["recipe"], run.get("numerics", {})
    size = f"crops of {recipe['crop']}×{recipe['crop']}" if recipe["crop"] else "whole images"
    names = dict.fromkeys(run.get("hardware", {}).get("accelerators") or ())
    where = " and ".join(f"{'an' if name[0] in 'AEIN' else 'a'} {name}" for name in names)  # an NVIDIA H200
    text = f"of {recipe['batch_size']} {size}" + (f" on {where}" if where else "")
    return text + (" with TF32 convolutions" if numerics.get("float32_in_training") == "TF32" else "")
