"""Run all experiments of the paper and beyond it, the most valuable first; then make figures, ledger and page.

    python -m experiments.all --budget quick  # an hour or two on 2 cores
    # a night, on the images of the tables (docs/data.md)
    python -m experiments.all --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real --hours 8
    python -m experiments.all --budget cpu … --seeds 3 --only fig06-seed,fig07-seed  # further seeds of Figures 6 and 7
    python -m experiments.all --budget paper --source stl10 --data-dir DIR --jobs 4  # a large GPU

After a stop by --hours, by Ctrl-C or by a crash, run the same command again to continue: finished experiments and parts
are not repeated, and a training continues from its last checkpoint.
"""

import ctypes
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

from diffnet_tf import files
from diffnet_tf.base import checks, command_line
from diffnet_tf.files import reading
from experiments import render
from experiments.lib import ledger, options, records, registry, run
from experiments.lib.jobs import jobs
from experiments.lib.options import FIELDS, OWN_SPLIT, Options

STATE = "all.json"  # what is finished, and how long it took
PASSED_ON = ("budget", "source", "data_dir", "test_dir", "note", "results_dir")  # flags of every experiment


class State:
    """The finished jobs of a results folder and their settings, kept in a file."""

    def __init__(self, root, settings, wanted):
        self.root, self.settings, self.wanted = Path(root), settings, wanted
        self.path = self.root / STATE
        kept = reading.json_object(self.path, "remove it") if self.path.exists() else {}
        self.others = kept.get("others", [])  # what is finished with other settings
        if kept.get("finished") and kept["settings"] != settings:
            self.others.append({key: kept[key] for key in ("settings", "finished", "given") if key in kept})
        mine = [each for each in [kept, *self.others] if each.get("settings") == settings]
        self.others = [each for each in self.others if each["settings"] != settings]
        self.finished = mine[0]["finished"] if mine else {}
        self.given = mine[0].get("given", {}) if mine else {}

    def done(self, job):
        """Whether a job is finished with its present budget and has its record."""
        record = job.folder(self.root) / job.name / records.RECORD
        if not record.exists():
            return False
        record, budget = reading.json_object(record, "remove it"), self.settings["budget"]
        if job.label not in self.finished:
            return _is_trained(record, job, self.settings)
        of_parts = _given(job, budget) and hasattr(registry.get(job.name), "parts")  # which repeat nothing
        same = _given(job, budget) == self.given.get(job.label, None if of_parts else _given(job, budget))
        return same and budget in record.get("budget", budget).split("/")

    def add(self, job, seconds):
        """Note that a job is finished."""
        self.finished[job.label] = round(seconds, 1)
        self.given[job.label] = _given(job, self.settings["budget"])

    def save(self, left):
        """Write the finished jobs, and the expected hours of each job that is left."""
        hours = {job.label: round(getattr(job, self.settings["budget"]) / 60, 2) for job in left}
        state = {"settings": self.settings, "finished": self.finished, "given": self.given, "left_hours": hours}
        files.write_json(self.path, {**state, "others": self.others})

    def rest(self, left):
        """The jobs that are left and their expected hours, judged by the finished ones, in words."""
        paces = [
            self.finished[job.label] / 60 / getattr(job, self.settings["budget"])
            for job in self.wanted
            if self.finished.get(job.label, 0) > 60
        ]
        minutes = sum(getattr(job, self.settings["budget"]) for job in left)
        hours = minutes / 60 * (statistics.median(paces) if paces else 1.0)
        return f"{len(left)} left, about {hours:.1f} h" if left else "nothing left"


def _given(job, budget):
    """The present budget of an experiment in words; None if it has no budgets."""
    if job.name not in registry.names():
        return None
    budgets = getattr(registry.get(job.name), "BUDGETS", None)
    return None if budgets is None else str(budgets[budget])


def _is_trained(record, job, settings):
    """Whether a record from another command is that of this job's training, which is then not repeated."""
    if job.name not in registry.names():
        return False
    budgets, arguments = getattr(registry.get(job.name), "BUDGETS", None), settings["arguments"]
    given = dict(argument[2:].split("=", 1) for argument in arguments)
    names = {
        "source": given.get("source", FIELDS["source"].default),
        "data": Path(given["data_dir"]).name if "data_dir" in given else given.get("source"),
        "test_data": Path(given["test_dir"]).name if "test_dir" in given else OWN_SPLIT,
    }
    names = names if record.get("image_sets") else {}  # disks are nobody's data
    wanted = {"budget": settings["budget"], "seed": job.seed, **names}
    if not isinstance(budgets, dict) or "recipe" not in record or "parts" in record:
        return False
    return record.get("steps") == budgets[settings["budget"]][1] and all(
        record.get(key) == value for key, value in wanted.items()
    )


def run_all(chosen, deadline):
    """Run the unfinished jobs, up to `--jobs` at a time. Returns (all finished, names of those that failed)."""
    root = files.check_writable(chosen.results_dir)
    # With underscores, as all.json of older versions has them.
    passed = [f"--{name}={getattr(chosen, name)}" for name in PASSED_ON if getattr(chosen, name) is not None]
    wanted = [job for job in jobs(chosen.seeds) if _wants(chosen.only, job)]
    if not wanted:
        raise ValueError(f"--only {chosen.only} names none of {', '.join(job.label for job in jobs(chosen.seeds))}.")
    state = State(root, {"budget": chosen.budget, "arguments": passed}, wanted)
    left = [job for job in wanted if not state.done(job)]
    for job in left:  # before hours of work, not after
        if job.name in registry.names():
            given = {name: getattr(chosen, name) for name in PASSED_ON if name != "results_dir"}
            given |= {"force": chosen.force, "seed": job.seed}
            run.refuse_to_shorten(registry.get(job.name), Options(job.name, job.folder(root), **given))
    passed += ["--force"] * chosen.force
    for job in left:
        print(f"{getattr(job, chosen.budget) / 60:6.1f} h  {job.label}")
    print(f"{len(wanted) - len(left)} of {len(wanted)} are finished; {state.rest(left)}", flush=True)
    running, failed, stopping = {}, [], False
    try:
        while True:
            missing = {job.label for job in (*left, *running)} | set(failed)
            ready = [job for job in left if not (stopping or missing.intersection(job.needs))]
            if not (running or ready):
                break
            for job in ready[: chosen.jobs - len(running)]:
                left.remove(job)
                running[job] = (_start(job, root, passed, chosen.jobs > 1), time.monotonic())
            time.sleep(0.2)
            if not stopping and deadline is not None and time.monotonic() > deadline:
                print(f"{chosen.hours:g} hours are over: stopping.", flush=True)
                stopping = True
                _interrupt(running)
            for job, (process, began) in list(running.items()):
                if process.poll() is None:
                    continue
                del running[job]
                if process.returncode == 0:
                    seconds = time.monotonic() - began
                    state.add(job, seconds)
                    state.save([*left, *running])
                    print(f"{job.label}: {seconds / 60:.1f} min; {state.rest(left)}", flush=True)
                elif process.returncode in (130, -signal.SIGINT):
                    stopping = True
                else:
                    failed.append(job.label)
                    print(f"{job.label} failed with exit status {process.returncode}.", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("Stopping.", flush=True)
        stopping = True
    finally:
        _interrupt(running)
        for process, _ in running.values():
            process.wait()
    rest = [job for job in wanted if not state.done(job)]
    state.save(rest)
    if stopping:
        print(f"Stopped: {state.rest(rest)}. The same command goes on. Now the figures.", flush=True)
    return not (left or stopping or failed), failed


def _wants(only, job):
    """Whether --only gives the beginning of a job's label."""
    return job.label.startswith(tuple((only or "").split(",")))


def _start(job, root, passed, quiet):
    """Start an experiment in its own process; if several run at a time, each writes its output to a file."""
    folder = job.folder(root)
    used = registry.options(registry.get(job.name))
    given = dict(flag.removeprefix("--").partition("=")[::2] for flag in passed)
    given |= {"seed": str(job.seed), "results_dir": str(folder)} if job.seed else {}
    given |= {"only": job.only} if job.only else {}
    typed = [command_line.option(name) + f"={value}" * bool(value) for name, value in given.items() if name in used]
    command = [sys.executable, "-m", f"experiments.{registry.names()[job.name]}", *typed]
    log = open(files.check_writable(folder / job.name) / "output.txt", "a") if quiet else None  # noqa: SIM115
    print(f"{job.label}: {' '.join(command[1:])}", flush=True)
    return subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_end_with_parent, start_new_session=True)


def _end_with_parent():
    """On Linux: interrupt this process when its parent is killed, so that it does not run beside a restart."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


def _interrupt(running):
    """Ask trainings to save their state and end."""
    for process, _ in running.values():
        if process.poll() is None:
            process.send_signal(signal.SIGINT)


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m experiments.all", description=__doc__)
    for name in (*PASSED_ON, "force"):
        options.add(parser, name)
    seeded = "seeds of the experiments that train one network; further ones go to seeds/K in the results folder"
    parser.add_argument("--seeds", default=1, type=int, help=seeded)
    parser.add_argument(
        "--only",
        help="run only experiments whose name starts with this; separate several by commas (default: all experiments)",
    )
    parser.add_argument(
        "--jobs", default=1, type=int, help="number of experiments to run at the same time, on large devices"
    )
    parser.add_argument(
        "--hours",
        type=float,
        help="stop after this many hours; run the same command again to continue (default: no limit)",
    )
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Run all. Returns the exit status: 0 when all is finished, 3 when something is left, 1 when something failed."""
    began = time.monotonic()
    chosen = parser().parse_args(arguments)
    chosen.results_dir = Path(chosen.results_dir)
    checks.count(chosen.jobs, "--jobs")
    checks.count(chosen.seeds, "--seeds")
    if chosen.hours is not None:
        checks.positive(chosen.hours, "--hours")
    for stop in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # a shell ignores SIGINT in what it starts with &
        signal.signal(stop, signal.default_int_handler)
    complete, failed = run_all(chosen, None if chosen.hours is None else began + 3600 * chosen.hours)
    if render.recorded(chosen.results_dir):
        render.main(["--results-dir", str(chosen.results_dir)])
        files.write_text(chosen.results_dir / "ledger.md", ledger.text(chosen.results_dir, markdown=True) + "\n")
        print(chosen.results_dir / "ledger.md")
    if failed:
        print(f"Failed: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0 if complete else 3


if __name__ == "__main__":
    sys.exit(main())
