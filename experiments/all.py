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
from experiments.lib import ledger, records, registry
from experiments.lib.options import BUDGETS, SOURCES

STATE = "all.json"  # what is finished, and how long it took
SMOKE, QUICK, CPU = 0.5, 3.0, 60.0  # minutes on 2 cores, where nothing else is said
PAPER = 17 * 60.0  # 101,250 steps of 16 whole images


@dataclasses.dataclass(frozen=True)
class Job:
    """One experiment.

    Attributes:
        name: its NAME.
        minutes: budget → about how long it takes on 2 cores.
        needs: experiments whose networks it looks into.
    """

    name: str
    minutes: dict = dataclasses.field(compare=False)
    needs: tuple = ()


def _job(name, quick=QUICK, cpu=CPU, paper=PAPER, smoke=SMOKE, needs=()):
    return Job(name, dict(zip(BUDGETS, (smoke, quick, cpu, paper))), needs)


INVERSES = ("fig06", "inverse-0.1pct", "fig07")
# In the order of their value. Drawings and measurements that take minutes come as soon as they can.
ORDER = (
    *(_job(name, 0.2, 0.2, 0.2, 0.2) for name in ("fig01", "fig02", "fig03", "fig04")),
    _job("fig06", cpu=50),
    _job("fig07", cpu=65),
    _job("inverse-0.1pct", cpu=50),
    *(_job(name, 0.3, 0.3, 0.3, 0.3, INVERSES) for name in ("fig11", "fig12")),
    _job("forward", cpu=50),
    _job("fig05", cpu=30),
    _job("rounding", 0.5, 1.5, 1.5),
    _job("learned-operator", 2, 10, 40),
    _job("generalisation", 2, 15, 30),
    _job("fig13", 5, 45, 9 * PAPER, needs=("fig06",)),
    _job("fig08", 6, 75, 5 * PAPER, needs=("fig06",)),
    _job("fig09", 6, 45, 5 * PAPER, needs=("fig07",)),
    _job("locality", 10, 25, 18 * PAPER),
    _job("comparison", 15, 180, 40 * PAPER, 1.5, ("fig06", "fig07")),
    _job("all-noise", 10, 60, 10 * PAPER),
    _job("ensemble", 5, 15, 5 * PAPER),
    _job("physics", 10, 50, 16 * PAPER),
    _job("fig10", 20, 60 * 60, 200 * PAPER, 1, ("fig08", "fig09")),
)


def jobs():
    """All experiments: those of `ORDER`, then what somebody has added since."""
    known = {job.name for job in ORDER}
    return [*ORDER, *(_job(name) for name in registry.names() if name not in known)]


class State:
    """What is finished under a results folder with these settings; kept in a file."""

    def __init__(self, root, settings):
        self.path, self.settings = Path(root) / STATE, settings
        self.finished = {}
        if self.path.exists():
            kept = reading.json_object(self.path, "remove it")
            self.finished = kept["finished"] if kept.get("settings") == settings else {}

    def done(self, job):
        """Whether an experiment is finished and its record is there."""
        return job.name in self.finished and (self.path.parent / job.name / records.RECORD).exists()

    def add(self, job, seconds):
        """Keep that an experiment is finished."""
        self.finished[job.name] = round(seconds, 1)
        files.write_json(self.path, {"settings": self.settings, "finished": self.finished})

    def rest(self, left, budget):
        """About how many hours the experiments that are left take, at the pace of those that are finished."""
        minutes = {job.name: job.minutes[budget] for job in jobs()}
        paces = [seconds / 60 / minutes[name] for name, seconds in self.finished.items() if seconds > 60]
        return sum(minutes[job.name] for job in left) / 60 * (statistics.median(paces) if paces else 1.0)


def run_all(chosen, deadline):
    """Run what is not finished, up to `--jobs` at a time. Returns (all finished, names of those that failed)."""
    root = files.check_writable(chosen.results_dir)
    passed = _passed_on(chosen)
    state = State(root, {"budget": chosen.budget, "arguments": passed})
    left = [job for job in jobs() if not state.done(job)]
    print(
        f"{len(jobs()) - len(left)} of {len(jobs())} experiments are finished; {_rest(state, left, chosen)}", flush=True
    )
    running, failed, stopping = {}, [], False
    try:
        while running or (left and not stopping):
            waiting = {job.name for job in left} | {job.name for job in running}
            ready = [job for job in left if not waiting.intersection(job.needs)]
            while ready and len(running) < chosen.jobs and not stopping:
                job = ready.pop(0)
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
                    state.add(job, time.monotonic() - began)
                    print(
                        f"{job.name}: {(time.monotonic() - began) / 60:.1f} min; {_rest(state, left, chosen)}",
                        flush=True,
                    )
                elif process.returncode == 130:
                    stopping = True
                else:
                    failed.append(job.name)
                    print(f"{job.name} failed with exit status {process.returncode}.", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        stopping = True
    finally:
        _interrupt(running)
        for process, _ in running.values():
            process.wait()
    return not (left or stopping or failed), failed


def _rest(state, left, chosen):
    return f"{len(left)} left, about {state.rest(left, chosen.budget):.1f} h" if left else "nothing left"


def _passed_on(chosen):
    """The flags that every experiment gets."""
    names = ("budget", "source", "data_dir", "test_dir", "note", "results_dir")
    return [f"--{name}={getattr(chosen, name)}" for name in names if getattr(chosen, name) is not None]


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
    parser.add_argument("--budget", choices=BUDGETS, default="quick", help="number of training steps")
    parser.add_argument("--source", choices=SOURCES, default="skimage", help="where the images come from")
    parser.add_argument("--data_dir", help="folder with the images of --source")
    parser.add_argument("--test_dir", help="folder with test images of the same source")
    parser.add_argument("--note", help="a remark about the data, kept in the records")
    parser.add_argument("--results_dir", default="runs", type=Path, help="folder for records and figures")
    parser.add_argument("--jobs", default=1, type=int, help="experiments at a time, for devices with room")
    parser.add_argument("--hours", type=float, help="stop after so many hours; the same command goes on")
    return parser


def main(arguments=None):
    """Run all. Returns the exit status: 0 when all is finished, 3 when something is left, 1 when something failed."""
    began = time.monotonic()
    try:
        chosen = _parser().parse_args(arguments)
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
