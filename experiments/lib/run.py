"""The command line of all experiments; runs them and writes their records."""

import shlex
import sys
import time
from pathlib import Path

from absl import app
from absl import flags as absl_flags
from absl import logging as absl_logging

from diffnet_tf import files
from diffnet_tf.base import command_line
from diffnet_tf.files import model_files, provenance
from experiments.lib import options as flags
from experiments.lib import pictures, records, registry, seeds, study, verdicts
from experiments.lib.options import BUDGETS, FIELDS, Options, numerics


def main(module, arguments=None):
    """Run an experiment from the command line: `if __name__ == "__main__": main(__file__)`. Ends the process.

    Args:
        module: the experiment's `__file__`.
        arguments: instead of the command line's.
    """
    experiment = registry.load(Path(module).stem)
    absl_logging.set_verbosity(absl_logging.WARNING)  # JAX logs for each kind of device that is missing
    given = sys.argv if arguments is None else [module, *arguments]
    app.run(lambda argv: _run(experiment, argv[1:]), given, flags_parser=_left_to_argparse)


def _left_to_argparse(argv):
    """Tell absl that there is nothing for it to parse: all options are defined in `options`."""
    absl_flags.FLAGS(argv[:1])
    return argv


@command_line.reports_errors
def _run(experiment, arguments):
    chosen = vars(parser(experiment).parse_args(arguments))
    for name in chosen.keys() - registry.options(experiment):
        print(f"warning: {command_line.option(name)} has no effect on {experiment.NAME}.", file=sys.stderr)
    execute(experiment, Options(experiment.NAME, **chosen))


def parser(experiment):
    """The command line of an experiment. It accepts the options of all experiments, and shows those with an effect."""
    made = command_line.Parser(prog=f"python -m {experiment.__name__}", description=experiment.__doc__)
    shown = registry.options(experiment)
    for name in FIELDS:
        flags.add(made, name, name in shown)
    return made


def execute(experiment, options):
    """Run the unfinished parts of an experiment, write its record, arrays and weights, and draw its figure.

    Returns:
        (record, arrays) as they were written, by the chief if there are several workers.
    """
    directory = files.check_writable(options.directory)
    used = registry.options(experiment)
    about = [f"budget {options.stamp}"] * ("budget" in used) + [f"source {options.source}"] * ("source" in used)
    print(f"{options.name}: {', '.join([*about, f'results in {directory}'])}", flush=True)
    if options.measure:
        measured_anew(experiment, options)
    elif not options.gather:
        refuse_to_shorten(experiment, options)
        if not _compute(experiment, options):
            return None
    if hasattr(experiment, "gather"):
        gathered(experiment, directory)
    shown = " and ".join(map(str, render(experiment, directory)))
    if not (options.gather or options.measure):
        from diffnet_tf.training import checkpoint

        checkpoint.remove(options.checkpoint_dir)  # last: until then, the same command finishes what was killed here
    record, arrays = records.load(directory)
    told = experiment.report(record) if hasattr(experiment, "report") else pictures.text(experiment, record)
    print("\n".join([told, *_advice(experiment, options, record)]))
    print(f"Wrote {directory / records.RECORD} and {shown}", flush=True)
    return record, arrays


def _advice(experiment, options, record):
    """Advice on what to look at and run next: lines of text."""
    folder = shlex.quote(str(seeds.root_of(options.results_dir)))  # further seeds count in that of seed 0
    lines = [f"Open {options.directory / records.FIGURE}."]
    if getattr(experiment, "CLAIMS", ()):
        lines.append(f"Check the claims: python -m diffnet_tf verify --results-dir {folder}")
    if record["budget"] in verdicts.SHORT and hasattr(experiment, "BUDGETS"):
        images, where = _given(options, "source", "data_dir", "test_dir"), _given(options, "results_dir")
        command = registry.command(experiment, images=images) + (f" {where}" if where else "")
        lines.append(f"This was a short run. The long one: {command}")
        if registry.IMAGE_FLAGS in command:
            lines.append("It needs the images of the tables: docs/data.md explains how to get them.")
    return lines


def _given(options, *names):
    """The flags that differ from their defaults, as typed on the command line; None if there are none."""
    given = {name: getattr(options, name) for name in names if getattr(options, name) != FIELDS[name].default}
    typed = (f"{command_line.option(name)} {shlex.quote(str(value))}" for name, value in given.items())
    return " ".join(typed) or None


def refuse_to_shorten(experiment, options):
    """Refuse, before any work, to replace the record and the weights of a longer run. (Parts keep a file each.)"""
    kept, budgets = options.directory / records.RECORD, getattr(experiment, "BUDGETS", None)
    if options.force or hasattr(experiment, "parts") or not budgets or not kept.exists():
        return
    there, wanted = records.load(options.directory)[0], budgets[options.budget]
    steps = options.steps or (wanted[1] if isinstance(wanted, tuple) and "recipe" in there else None)
    if steps is not None and there.get("steps") is not None:
        longer, known = there["steps"] > steps, f"{there['steps']:,} steps; this one has {steps:,}"
    else:
        order = {budget: rank for rank, budget in enumerate(BUDGETS)}
        longer = order.get(there["budget"], 0) > order[options.budget]
        known = f"budget {there['budget']}; this one is {options.budget}"
    if longer:
        place, other = seeds.folder(seeds.root_of(options.results_dir), options.seed), there.get("seed", options.seed)
        to = f" Another seed goes to {place}." if other != options.seed and place != options.results_dir else ""
        raise ValueError(
            f"{kept} is of a run of {known}. Give another --results-dir, or --force to replace the longer one.{to}"
        )


def _compute(experiment, options):
    """Train and measure. Returns whether this process is the one that writes files."""
    from diffnet_tf.base import backend
    from diffnet_tf.training import distribute

    if options.deterministic:
        backend.deterministic()
    start, many = time.perf_counter(), hasattr(experiment, "parts")
    with distribute.scope(options.strategy):
        print(f"Device: {provenance.device()}", flush=True)
        try:
            result = study.do_missing(experiment.parts(options), options) if many else experiment.compute(options)
        except study.Stopped:  # the same command goes on
            sys.exit(130)
        chief = distribute.is_chief()
    if chief and not many:
        record = {
            "experiment": options.name,
            "title": experiment.TITLE,
            "budget": options.stamp,
            "seed": options.seed,
            "deterministic": options.deterministic,
            "strategy": options.strategy,
            "devices": 1 if result.model is None else distribute.replicas(result.model),
            **options.provenance(),
            **result.record,
            "wall_seconds": round(time.perf_counter() - start, 1),
        }
        records.save(options.directory, record, result.arrays)
        if result.model is not None:
            model_files.save(result.model, options.directory / records.MODEL)
    return chief


def measured_anew(experiment, options):
    """Measure the network in a folder again, and write the results into the record of its training.

    The record of the training stays, with its commit and versions; "measured" names those of the measurement.

    Raises:
        ValueError: for an experiment that cannot.
        FileNotFoundError: when the folder holds no network.
    """
    if not hasattr(experiment, "measured"):
        raise ValueError(f"{experiment.NAME} keeps no network that it measures anew; leave out --measure.")
    record, arrays = records.load(options.directory)
    result = experiment.measured(model_files.load(options.directory / records.MODEL))
    measured = {"commit": options.commit, "versions": provenance.versions(), "numerics": numerics()}
    records.save(options.directory, {**record, **result.record, "measured": measured}, {**arrays, **result.arrays})


def render(experiment, directory):
    """Draw an experiment's figures from the record in a folder; returns the pictures' paths. It needs no Keras."""
    return pictures.save(experiment, directory)


def gathered(experiment, directory):
    """Write the record of an experiment of many parts, from the finished parts. It needs no images and no Keras.

    Raises:
        FileNotFoundError: when none is finished.
    """
    runs = study.finished(directory)
    if not runs:
        raise FileNotFoundError(f"{directory} holds no finished parts: run the experiment first.")
    names, runs = [run["file"] for run in runs], study.on_most_images(runs)
    result = experiment.gather(runs, directory.parent)
    record = {
        "experiment": experiment.NAME,
        "title": experiment.TITLE,
        "parts": names,
        **study.common(runs),
        "commit": provenance.commit(),
        "versions": provenance.versions(),
        "hardware": provenance.hardware(),
        **result.record,
    }
    records.save(directory, record, result.arrays)
