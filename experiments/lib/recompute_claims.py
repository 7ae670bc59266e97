"""What `python -m benchmarks recompute` measured, beside its goals: memory of a training step, and its gradients."""

from pathlib import Path

from benchmarks import recompute
from diffnet_tf.files import reading
from experiments.lib import verdicts
from experiments.lib.ledger import Claim


def load(root):
    """The records of all backends: backend → record."""
    paths = {backend: Path(root) / "benchmarks" / f"recompute-{backend}.json" for backend in recompute.TITLES}
    found = {backend: reading.json_object(path) for backend, path in paths.items() if path.exists()}
    if not found:
        raise verdicts.NotRun("no record of any backend")
    return (found,)


def memory(records):
    """With recomputation, the most layers need hardly more memory than the fewest."""

    def ratio(found):
        few, *_, many = found["recomputed"]
        return found["recomputed"][many]["bytes"]["median"] / found["recomputed"][few]["bytes"]["median"]

    return _of_all(records, ratio, "memory", "{:.2f}×")


def gradients(records):
    """The largest relative difference of any weight's gradient."""
    return _of_all(records, lambda found: max(found["gradients"].values()), "gradients", "{:.0e}")


def _of_all(records, value, goal, spec):
    values = {recompute.TITLES[backend]: value(record["recompute"]) for backend, record in records.items()}
    text = ", ".join(f"{title} {spec.format(number)}" for title, number in values.items())
    answer = verdicts.agreed(number <= recompute.GOALS[goal] for number in values.values())
    return verdicts.finding(next(iter(records.values())), text, answer, exact=True)


_MADE = {"command": "python -m benchmarks recompute", "load": load, "answers": verdicts.EXACT}
CLAIMS = (
    Claim("recomputation: a training step of 40 layers needs the memory of 5", "≤ 1.5 times", memory, **_MADE),
    Claim("recomputation: gradients are those without", "within 1e-4", gradients, **_MADE),
)
