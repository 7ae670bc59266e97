"""The record of `denoise_colour`: how it is gathered from the parts. NumPy only.

It holds what `denoise_record` says, for the one set of `colour.SET`, and

    photographs   the names of the test photographs, in their order
    cameras       what `camera.measured` gives

and the arrays part_METHOD and part_clean, a part of a photograph at σ = 25; and before and after, a photograph with the
noise of a camera that `restore` denoised. All of these are bytes. `denoise_card` makes the card of the preset from it.
"""

from experiments.lib import captions, colour, denoise_record, kept, study

OURS, AUTO = "diffnet", "diffnet" + denoise_record.AUTO  # rows
ROW = {"method": OURS, "kind": "network", "label": "DiffNet", "problem": "denoise"}


def gather(runs, root):
    """The record and the arrays of the experiment, from the records of its parts: a `study.Result`.

    Args:
        runs: records of parts. The measurements of the most photographs count.
        root: the results folder; not used.

    Raises:
        ValueError: when nothing was measured.
    """
    counts = [run["sets"][colour.SET]["count"] for run in runs if "sets" in run]
    tests = [run for run in runs if "sets" in run and run["sets"][colour.SET]["count"] == max(counts)]
    tested = {(run["of"], run["budget"]): run for run in tests if "of" in run}
    trained = [(run, test) for run in runs if (test := tested.get((run["name"], run["budget"])))]
    _, shown = max(trained, key=_length, default=(None, None))
    beside = [run for run in runs if shown and (run.get("of"), run["budget"]) == (shown["of"], shown["budget"])]
    ours = [
        {**ROW, **run, **{key: test[key] for key in denoise_record.MEASURED if key in test}} for run, test in trained
    ]
    others = [run for run in tests if "of" not in run]
    times = [run for run in beside if "in_turns" in run]
    result = denoise_record.gather([*ours, *others, *times], root)
    record, arrays = dict(result.record), dict(result.arrays)
    for run in kept.by_budget(others):  # of several budgets the longest one counts, as for the numbers
        arrays[f"part_{run['method']}"] = run["arrays"]["part"]
    if shown:
        arrays |= {"part_clean": shown["arrays"]["clean"], f"part_{OURS}": shown["arrays"]["part"]}
        record["photographs"] = shown["photographs"]
        record["sets"][colour.SET]["title"] = f"scikit-image's {captions.listed(shown['photographs'])}"
    for run in beside:
        if "cameras" in run:
            record["cameras"] = run["cameras"]
            arrays |= run["arrays"]
    return study.Result(record, arrays)


def _length(pair):
    """The steps of a training with its measurement; of equal ones the first seed is the longest."""
    run, _ = pair
    return run["steps"], -run.get("seed", 0)
