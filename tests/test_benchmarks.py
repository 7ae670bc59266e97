"""The benchmarks measure what they say: peers do the same work, contestants take turns, reports show the records."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from keras.ops import convert_to_numpy as as_numpy

import diffnet_tf as dn
from benchmarks import gpu_report, long_times, peers, recipes, recompute, report, restore, size, timing
from tests.conftest import BACKEND, ROOT, slow, tensorflow_only


def test_the_sparse_peer_makes_our_four_steps(photographs):
    ours = np.asarray(dn.diffusion.perona_malik(photographs[0, ..., 0]))
    np.testing.assert_allclose(peers.scipy_sparse_filter()(photographs[0, ..., 0]), ours, atol=1e-6)


def test_the_network_in_torch_is_ours(photographs):
    torch = pytest.importorskip("torch", reason="PyTorch comes with the bench extra")
    from benchmarks import in_torch

    mine, theirs = dn.models.DiffNet(), in_torch.diffnet()
    for layer, other in zip(mine.diffusion_layers, theirs):
        for convolution, peer in zip(layer.estimator.convolutions, other.convolutions):
            peer.weight.data = torch.tensor(np.moveaxis(as_numpy(convolution.kernel), (3, 2), (0, 1)))
            peer.bias.data = torch.tensor(as_numpy(convolution.bias))
    with torch.inference_mode():
        output = theirs(torch.tensor(np.moveaxis(photographs, 3, 1)))
    np.testing.assert_allclose(np.moveaxis(output.numpy(), 1, 3), as_numpy(mine(photographs)), atol=1e-5)


def counting(path, name):
    """A contestant that writes its name: the order of the calls can be read off."""

    def once():
        with open(path, "a") as file:
            file.write(name)

    return once, 2


@slow
def test_contestants_take_turns(tmp_path):
    path = str(tmp_path / "calls")
    workers = {n: timing.Worker("tests.test_benchmarks:counting", path=path, name=n) for n in "ab"}
    times = timing.take_turns(workers, 3)
    assert (tmp_path / "calls").read_text() == "aabb" + "abbaab"  # two to warm up, then in turn
    assert all(len(values) == 3 and (values > 0).all() for values in times.values())
    assert all(worker.process.returncode == 0 for worker in workers.values())


def test_a_contestant_that_fails_is_reported(tmp_path):
    with pytest.raises(RuntimeError, match="ended with exit status 1"):
        timing.Worker("tests.test_benchmarks:no_such_task")


def test_ratios_are_of_neighbouring_turns():
    """Not of medians: where the machine is half as fast in two turns, the ratio stays."""
    slow = np.array([2.0, 4.0, 4.0, 2.0, 2.2])
    found = timing.ratio(slow, slow / 2)
    assert found == {"median": 2.0, "min": 2.0, "max": 2.0, "n": 5}


@tensorflow_only
def test_the_speed_report_shows_the_records(tmp_path):
    ratio = {"median": 2.5, "min": 2.25, "max": 3.0, "n": 7}
    row = {"what": "training step", "against": "peer", "ours": "ours", "ratio": ratio, "goal": 1.0}
    result = {"seconds_per_image": {"peer": {"median": 0.025}, "ours": {"median": 0.01}}, "ratios": [row]}
    (tmp_path / "step.json").write_text(json.dumps(result))
    heading, _, *lines = report.table(tmp_path).splitlines()
    assert heading == "### Training"
    assert lines[2:] == ["| training step | peer, 25 ms | ours, 10 ms | 2.50× (2.25–3.00), 7 | ≥ 1.0× |"]


def test_the_table_of_long_times_counts_evaluations():
    """Three images; the goal is 1e-4. FED reaches it for one of them only, RKL2 (two evaluations in a step) for all."""
    errors = {
        "explicit": {"200": [1e-4, 1e-4, 1e-4]},
        "fed": {"40": [1e-4, 8e-4, 8e-4], "80": [5e-5, 4e-4, 4e-4]},
        "rkl2": {"10": [1e-4, 4e-4, 4e-4], "20": [2.5e-5, 1e-4, 1e-4]},
    }
    record = {"long_times": {"images": 3, "errors": {"symmetric": errors}}}
    *_, fed, rkl2 = report.rows(record)
    assert fed == "|  | FED | 1.00 | > 160 (40 to > 160) | not reached (not reached) |"
    assert rkl2 == "|  | RKL2 | 2.00 | 40 (20 to 40) | 5.0× (5.0×) |"


@tensorflow_only
def test_long_times_are_measured(rng):
    images = rng.random((2, 6, 7, 1))
    found = long_times.measure(images, 400, {"fed": (10, 40), "rkl2": (10, 40)}, {"symmetric": {"scheme": "symmetric"}})
    errors = found["errors"]["symmetric"]
    assert found["images"] == 2 and [len(errors[m][n]) for m, n in (("explicit", "200"), ("fed", "10"))] == [2, 2]
    assert np.all(np.array(errors["rkl2"]["40"]) < errors["rkl2"]["10"])
    assert np.all(np.array(errors["rkl2"]["40"]) < errors["fed"]["40"])


def test_the_races_figure_draws_every_run(tmp_path):
    run = {
        "seconds": 20.0,
        "data": "train",
        "test_psnr": {"mean": 51.0, "n": 3},
        "history": [{"seconds": 10.0, "val_psnr": 48.0}, {"seconds": 19.0, "val_psnr": 51.5}],
        "test_data": "test",
    }
    for seed in range(2):
        (tmp_path / f"fast-50dB-{seed}.json").write_text(json.dumps({**run, "seconds": 20.0 + seed}))
    found = recipes.load(tmp_path)
    assert [len(runs) for runs in found.values()] == [2]
    figure = recipes.draw(found)
    dots = [
        line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o" and len(line.get_xdata()) == 1
    ]
    assert dots == [20.0, 21.0]
    assert recipes._limit(tmp_path) == 20 * 20.5


@pytest.mark.parametrize(("authors", "ratio"), [(43.0, "≥ 19×"), (51.0, "19×")])
def test_the_races_report_says_when_the_authors_recipe_was_stopped_before_the_goal(authors, ratio, tmp_path):
    (tmp_path / "recipes").mkdir()
    for name, seconds, psnr in (("fast-50dB", 20.0, 50.5), ("authors", 380.0, authors), ("fast-hour", 3600.0, 67.0)):
        run = {"seconds": seconds, "steps": 400, "test_psnr": {"mean": psnr}}
        (tmp_path / "recipes" / f"{name}-0.json").write_text(json.dumps(run))
    first, second = report.table(tmp_path).splitlines()[4:]
    assert first.endswith(
        f"| `authors`, 380 s: {authors} to {authors} dB | `fast`, 400 steps: 50.5 to 50.5 dB | {ratio}, 1 | ≥ 20× |"
    )
    assert second.endswith("| `fast`, 400 steps, 60 min | 67.00 dB (67.00–67.00), 1 | ≥ 64 dB |")


def test_the_sizes_report_shows_times_peaks_and_exponents():
    """Time is 2 µs a pixel, memory 1 GiB and 400 bytes a pixel, of which the process had 1 GiB before."""
    rows = {}
    for side in (96, 1024, 2048, 4096):
        peak = 2**30 + 400 * side**2
        times = {"median": 2e-6 * side**2, "n": 3}
        rows[str(side)] = {"seconds": times, "core_seconds": times, "peak_bytes": peak, "bytes_before": 2**30}
    rows["8192"] = {"left_out": "needs about 23 GiB of 23.5 GiB"}
    found = size.exponents(rows)
    assert found["seconds"] == pytest.approx(1) and found["memory_above_start_from_1024"] == pytest.approx(1)
    assert 0.5 < found["peak_memory_from_1024"] < 1
    (line,) = report.rows({"size": {"whole": {"sides": rows, "exponents": found}}})
    assert "whole image, 96² to 4096²" in line and "33.55 s and 7,424 MiB at 4096² (n = 3)" in line
    assert "time ∝ pixels^1.00 (core time 1.00)" in line


def _gpu_record(**changes):
    ms = {"median": 2.4, "min": 2.3, "max": 2.6, "n": 4}
    step = {"ms": ms, "steps": 500, "first_step_s": 5.0}
    preset = {"n": 16, "input": 30.0, "cpu float32": 67.0, "cpu mixed_bfloat16": 65.0}
    presets = {name: {**preset, "TF32": 66.97, "float32": 67.0, "mixed_bfloat16": 65.01} for name in ("a", "b")}
    measured = {
        "presets": {**presets, "wall_seconds": 3.0},
        "DiffNet fit float32": step,
        "DiffNet scan float32": {**step, "ms": {**ms, "median": 2.0}},
        "copies": {"bytes_per_second": {"median": 4e12, "min": 4e12, "max": 4e12, "n": 5}},
        "U-Net fit float32": {"not_run": "out of time"},
        **changes,
    }
    record = {"on_gpu": True, "names": list(measured), "measured": measured, "step_bytes": {"float32": 2e9}}
    return record | {"goals": gpu_report.goals(record)}


def _met(record):
    return {row["what"]: row["met"] for row in record["goals"] if row["met"] is not None}


def test_the_gpus_goals_are_judged_on_a_gpu_only():
    met = _met(_gpu_record())
    assert all(met[f"presets in {mode} against CPU float32"] for mode in ("TF32", "float32"))
    assert met["DiffNet in `fit`, float32/TF32"] and met["DiffNet in `fit`, float32/TF32: 101,250 steps, calculated"]
    assert met["DiffNet, `fit` / scan, float32"] is False  # 1.2
    assert "presets in mixed_bfloat16 against CPU float32" not in met  # what bfloat16 costs is no fault of the device
    on_processor = {**_gpu_record(), "on_gpu": False}
    assert _met({"goals": gpu_report.goals(on_processor)}) == {}


def test_a_preset_that_the_gpu_spoils_is_shown():
    row = {"n": 16, "cpu float32": 67.4, "cpu mixed_bfloat16": 65.0, "TF32": 62.8, "float32": 67.4}
    record = _gpu_record(presets={"spoiled": {**row, "mixed_bfloat16": 65.0}})
    assert _met(record)["presets in TF32 against CPU float32"] is False
    assert "4.6000 dB apart (`spoiled`)" in gpu_report.table(record)


def test_the_gpus_table_says_what_was_not_run_and_what_the_memory_allows():
    lines = gpu_report.table(_gpu_record()).splitlines()
    assert "| U-Net in `fit`, float32/TF32 | ≤ 5.9 ms | not run: out of time |  |  |" in lines
    assert "| DiffNet in scan, float32: memory traffic alone |  | 0.50 ms are 25 % of a step |  |  |" in lines


def _run_gpu(*arguments):
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@slow
def test_the_gpus_benchmark_rehearsed(tmp_path):
    """On a processor every measurement is made, the presets are what they should be, and nothing is judged."""
    pytest.importorskip("jax", reason="the benchmark runs on JAX")
    run = _run_gpu("--small", "--out", str(tmp_path / "gpu.json"))
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "gpu.json").read_text())
    assert list(record["measured"]) == record["names"]
    missing = [name for name, found in record["measured"].items() if "not_run" in found]
    assert [name for name in missing if not name.startswith("PyTorch")] == []
    for name in dn.list_presets():
        found = record["measured"]["presets"][name]
        assert found["cpu float32"] > found["input"] + 3
        assert abs(found["TF32"] - found["cpu float32"]) < 0.05
    assert record["commit"] and record["versions"]["jax"] and record["hardware"]["accelerators"] == []
    assert _met(record) == {} and "No GPU: nothing is judged." in run.stdout


@slow
def test_the_gpus_benchmark_ends_when_its_time_is_over(tmp_path):
    pytest.importorskip("jax", reason="the benchmark runs on JAX")
    run = _run_gpu("--small", "--minutes", "0.2", "--out", str(tmp_path / "gpu.json"))
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "gpu.json").read_text())
    assert "not_run" in list(record["measured"].values())[-1] and record["wall_seconds"] < 60


@pytest.mark.skipif(BACKEND == "jax", reason="it is the right backend")
def test_the_gpus_benchmark_asks_for_jax(capsys):
    from benchmarks import gpu

    assert gpu.main(["--minutes", "1"]) == 2
    assert "Set KERAS_BACKEND=jax." in capsys.readouterr().err


@slow
@tensorflow_only
def test_the_times_of_restore_add_up():
    found = restore.measure(("gray16.tif",), shape=(600, 700), repetitions=1)
    ways = found["restore"]["gray16.tif"]
    assert ways.keys() == {"own", "fast", "fast, in turns"} and found["png"] == {}
    for kinds in ways.values():
        wall, network, outside, loading = (kinds[k]["median"] for k in ("wall", "network", "outside", "loading"))
        assert np.isclose(network + outside, wall) and 0 < loading < outside and kinds["wall"]["n"] == 1
    for way in ("fast", "fast, in turns"):
        assert 4 * restore.WAIT <= ways[way]["network"]["median"] < 8 * restore.WAIT
    assert len(restore.rows(found)) == 3


def test_the_report_shows_what_of_restore_is_outside_the_network():
    share = {"median": 0.021, "min": 0.02, "max": 0.03, "n": 3}
    kinds = {"share_outside": share, "wall": {"median": 46.3}, "outside": {"median": 0.99}}
    (line,) = report.rows({"restore": {"rgb16.tif": {"own": kinds}}, "megapixels": 24.0})
    assert line.endswith("| computed here | 46.3 s, of which outside 0.99 s | 2.1 % (2.0–3.0), 3 | ≤ 10 % |")
    assert line.startswith("| `restore` of rgb16.tif, 24 megapixels, outside the network |")


def test_the_table_of_recomputation_compares_with_the_goals():
    def step(mib, seconds, **planned):
        return {"bytes": {"median": mib * 2**20}, "seconds": {"median": seconds}, **planned}

    found = {
        "kept": {"5": step(200, 1.0, planned_bytes=100), "40": step(1400, 8.0, planned_bytes=800)},
        "recomputed": {"5": step(100, 1.3, planned_bytes=100), "40": step(145, 10.0, planned_bytes=110)},
        "gradients": {"5": 1e-7, "40": 2e-6},
    }
    lines = report.rows({"backend": "jax", "recompute": found})
    assert lines[2] == "| 40 | 1,400 MiB (planned by XLA: 0), 8.00 s | 145 MiB (planned by XLA: 0), 10.00 s | 2e-06 |"
    assert "| 7.00× (planned: 8.00×) | 1.45× (planned: 1.10×) (goal: ≤ 1.5×) |" in lines[3]


@pytest.mark.parametrize("layers", [2, 4])
def test_gradients_by_recomputation_differ_by_rounding(layers):
    assert recompute.difference(layers, batch=1, size=8) < recompute.GOALS["gradients"]


@slow
def test_recomputation_is_measured():
    found = recompute.measure((1, 12), 4, 48, 1)["recompute"]
    few, many = (found["recomputed"][number]["bytes"]["median"] for number in ("1", "12"))
    assert few > 0 and many < found["kept"]["12"]["bytes"]["median"]
