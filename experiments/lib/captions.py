"""What captions have in common: where a figure comes from, counted things, noise in per cent."""


def count(number, word):
    """A number with its noun: "1 step", "2,400 steps"."""
    return f"{number:,} {word}{'s' * (number != 1)}"


def percent(noise):
    """σ in words: "1 % noise", "no noise"."""
    return f"{100 * noise:g} % noise" if noise else "no noise"


def noisy(noise):
    """The same behind a comma, and nothing without noise."""
    return f", {percent(noise)}" if noise else ""


def source(record):
    """Where the images come from: the note on them, or what they are called."""
    return record.get("note") or f"{record['source']} ({record['data']}, {record['test_data']})."


def training(record):
    """Budget, steps, recipe, number of images and seed of a training."""
    return (
        f"Budget {record['budget']}: {count(record['steps'], 'step')}, recipe {record['recipe']['name']}, "
        f"{count(record['training_images'], 'training image')}, seed {record['seed']}."
    )
