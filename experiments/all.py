"""All of the paper, and what goes beyond it: every experiment, the most valuable first, then figures, ledger and page.

    python -m experiments.all --budget quick  # an hour or two on 2 cores
    python -m experiments.all --budget cpu --source stl10_binary --data_dir DIR --test_dir DIR --hours 8  # a night
    python -m experiments.all --budget paper --source stl10 --data_dir DIR --jobs 4  # a large GPU

Stopped by --hours, by Ctrl-C or by a crash, the same command goes on where it was: finished experiments and parts are
not repeated, and a training goes on from its last checkpoint.
"""

import argparse
import ctypes
import dataclasses
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
from experiments.lib import ledger, records, registry, run
from experiments.lib.options import FIELDS, Options

STATE = "all.json"  # what is finished, and how long it took
PASSED_ON = ("budget", "source", "data_dir", "test_dir", "note", "results_dir")  # flags of every experiment
PAPER = 17 * 60.0  # minutes on 2 cores of 101,250 steps of 16 whole images


@dataclasses.dataclass(frozen=True)
class Job:
    """One experiment by its NAME; about how many minutes it takes on 2 cores; those whose networks it looks into."""

    name: str
    quick: float = 3.0
    cpu: float = 60.0
    paper: float = PAPER
    smoke: float = 0.5
    needs: tuple = ()


INVERSES = ("fig06", "inverse-0.1pct", "fig07")
# In the order of their value. Drawings and measurements that take minutes come as soon as they can.
ORDER = (
    *(Job(name, 0.2, 0.2, 0.2, 0.2) for name in ("fig01", "fig02", "fig03", "fig04")),
    Job("fig06", cpu=50),
    Job("fig07", cpu=65),
    Job("inverse-0.1pct", cpu=50),
    *(Job(name, 0.3, 0.3, 0.3, 0.3, INVERSES) for name in ("fig11", "fig12")),
    Job("forward", cpu=50),
    Job("fig05", cpu=30),
    Job("rounding", 0.5, 1.5, 1.5),
    Job("precision", 1, 2, 2, needs=(*INVERSES, "forward")),
    Job("learned-operator", 2, 10, 40),
    Job("generalisation", 2, 15, 30),
    Job("fig13", 8, 110, 30 * PAPER),
    Job("fig08", 6, 75, 5 * PAPER, needs=("fig06",)),
    Job("fig09", 6, 45, 5 * PAPER, needs=("fig07",)),
    Job("locality", 10, 25, 18 * PAPER),
    Job("comparison", 15, 180, 40 * PAPER, 1.5, ("fig06", "fig07")),
    Job("all-noise", 10, 60, 10 * PAPER),
    Job("ensemble", 5, 15, 5 * PAPER),
    Job("physics", 10, 50, 16 * PAPER),
    Job("protocol", 1.5, 110, 20 * PAPER / 10),
    Job("fig10", 20, 60 * 60, 200 * PAPER, 1, ("fig08", "fig09")),
)


def jobs():
    """All experiments: those of `ORDER`, then what somebody has added since."""
    known = {job.name for job in ORDER}
    return [*ORDER, *(Job(name) for name in registry.names() if name not in known)]


class State:
    """What is finished under a results folder with these settings; kept in a file."""

    def __init__(self, root, settings):
        self.path, self.settings = Path(root) / STATE, settings
        kept = reading.json_object(self.path, "remove it") if self.path.exists() else {}
        self.others = kept.get("others", [])  # what is finished with other settings
        if kept.get("finished") and kept["settings"] != settings:
            self.others.append({"settings": kept["settings"], "finished": kept["finished"]})
        mine = [each for each in [kept, *self.others] if each.get("settings") == settings]
        self.others = [each for each in self.others if each["settings"] != settings]
        self.finished = mine[0]["finished"] if mine else {}

    def done(self, job):
        """Whether an experiment is finished and its record is there, of this budget."""
        record = self.path.parent / job.name / records.RECORD
        if job.name not in self.finished or not record.exists():
            return False
        budget = self.settings["budget"]
        return budget in reading.json_object(record, "remove it").get("budget", budget).split("/")

    def add(self, job, seconds):
        """Keep that an experiment is finished."""
        self.finished[job.name] = round(seconds, 1)
        files.write_json(self.path, {"settings": self.settings, "finished": self.finished, "others": self.others})

    def rest(self, left):
        """What is left and about how many hours it takes, at the pace of what is finished, in words."""
        minutes = {job.name: getattr(job, self.settings["budget"]) for job in jobs()}
        paces = [seconds / 60 / minutes[name] for name, seconds in self.finished.items() if seconds > 60]
        hours = sum(minutes[job.name] for job in left) / 60 * (statistics.median(paces) if paces else 1.0)
        return f"{len(left)} left, about {hours:.1f} h" if left else "nothing left"


def run_all(chosen, deadline):
    """Run what is not finished, up to `--jobs` at a time. Returns (all finished, names of those that failed)."""
    root = files.check_writable(chosen.results_dir)
    passed = [f"--{name}={getattr(chosen, name)}" for name in PASSED_ON if getattr(chosen, name) is not None]
    state = State(root, {"budget": chosen.budget, "arguments": passed})
    left = [job for job in jobs() if not state.done(job)]
    for job in left:  # before hours of work, not after
        if job.name in registry.names():
            given = {name: getattr(chosen, name) for name in PASSED_ON if name != "results_dir"}
            run.refuse_to_shorten(registry.get(job.name), Options(job.name, root, force=chosen.force, **given))
    passed += ["--force"] * chosen.force
    print(f"{len(jobs()) - len(left)} of {len(jobs())} experiments are finished; {state.rest(left)}", flush=True)
    running, failed, stopping = {}, [], False
    try:
        while True:
            missing = {job.name for job in (*left, *running)} | set(failed)
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
                    print(f"{job.name}: {seconds / 60:.1f} min; {state.rest(left)}", flush=True)
                elif process.returncode in (130, -signal.SIGINT):
                    stopping = True
                else:
                    failed.append(job.name)
                    print(f"{job.name} failed with exit status {process.returncode}.", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("Stopping.", flush=True)
        stopping = True
    finally:
        _interrupt(running)
        for process, _ in running.values():
            process.wait()
    if stopping:
        rest = [job for job in jobs() if not state.done(job)]
        print(f"Stopped: {state.rest(rest)}. The same command goes on. Now the figures.", flush=True)
    return not (left or stopping or failed), failed


def _start(job, root, passed, quiet):
    """Start an experiment in a process of its own; several at a time write to a file each."""
    command = [sys.executable, "-m", f"experiments.{registry.names()[job.name]}", *passed]
    log = open(files.check_writable(root / job.name) / "output.txt", "a") if quiet else None  # noqa: SIM115
    print(f"{job.name}: {' '.join(command[1:])}", flush=True)
    return subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_end_with_parent, start_new_session=True)


def _end_with_parent():
    """On Linux: be interrupted when the parent is killed, so that the next start does not run beside this one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


def _interrupt(running):
    """Have trainings save their state and end."""
    for process, _ in running.values():
        if process.poll() is None:
            process.send_signal(signal.SIGINT)


def _parser():
    parser = command_line.Parser(prog="python -m experiments.all", description=__doc__.splitlines()[0])
    parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter
    for name in PASSED_ON:
        about, default = FIELDS[name].metadata, FIELDS[name].default
        parser.add_argument(f"--{name}", choices=about["choices"], default=default, help=about["help"])
    parser.add_argument("--force", action="store_true", help=FIELDS["force"].metadata["help"])
    parser.add_argument("--jobs", default=1, type=int, help="experiments at a time, for devices with room")
    parser.add_argument("--hours", type=float, help="stop after so many hours; the same command goes on")
    return parser


def main(arguments=None):
    """Run all. Returns the exit status: 0 when all is finished, 3 when something is left, 1 when something failed."""
    began = time.monotonic()
    try:
        chosen = _parser().parse_args(arguments)
        chosen.results_dir = Path(chosen.results_dir)
        checks.count(chosen.jobs, "--jobs")
        if chosen.hours is not None:
            checks.positive(chosen.hours, "--hours")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        complete, failed = run_all(chosen, None if chosen.hours is None else began + 3600 * chosen.hours)
        if render.recorded(chosen.results_dir):
            render.main(["--results_dir", str(chosen.results_dir)])
            files.write_text(chosen.results_dir / "ledger.md", ledger.text(chosen.results_dir, markdown=True) + "\n")
            print(chosen.results_dir / "ledger.md")
    except command_line.INPUT_ERRORS as error:
        command_line.show(error)
        return 2
    if failed:
        print(f"Failed: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0 if complete else 3


if __name__ == "__main__":
    sys.exit(main())
