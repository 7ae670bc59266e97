"""The comparisons of `make bench`: contestants, pairs to be compared, and goals."""

import numpy as np

from benchmarks import peers
from benchmarks.timing import ROOT, Worker, best_of, ratio, spread, take_turns

OURS, TORCH = "benchmarks.ours", "benchmarks.in_torch"
WEIGHTS = ROOT / "results" / "fig06" / "model.keras"


def training_step():
    """Time a training step, batch 16 of 96×96: Keras and PyTorch, float32 and bfloat16 in the estimator."""
    workers = {
        "ours": Worker(f"{OURS}:train_step"),
        "ours bfloat16": Worker(f"{OURS}:train_step", dtype="mixed_bfloat16"),
    }
    for half in (False, True):
        for compiled in (False, True):
            name = f"PyTorch {'compiled' if compiled else 'eager'}{' bfloat16' * half}"
            workers[name] = Worker(f"{TORCH}:train_step", half=half, compiled=compiled)
    times = take_turns(workers)
    torch = best_of(times, ["PyTorch eager", "PyTorch compiled"])
    torch_half = best_of(times, ["PyTorch eager bfloat16", "PyTorch compiled bfloat16"])
    return times, [
        ("training step", torch, "ours", ratio(times[torch], times["ours"]), 1.0),
        ("training step, bfloat16 estimator", torch, "ours bfloat16", ratio(times[torch], times["ours bfloat16"]), 2.0),
        (
            "training step, both bfloat16",
            torch_half,
            "ours bfloat16",
            ratio(times[torch_half], times["ours bfloat16"]),
            None,
        ),
    ]


INFERENCE_GOALS = {96: (1.0, 1.6), 1024: (1.5, 2.3)}  # float32; precision="auto" on the presets for noisy images


def inference(size, batch, calls):
    """Apply DiffNet to a batch of images, in float32 and, as `precision="auto"` does for noisy images, in bfloat16.

    What that costs is in results/precision: 0.001 dB. PyTorch's bfloat16 rounds the image, which takes `inverse` from
    67 to 39 dB.
    """
    float32, auto = INFERENCE_GOALS[size]
    options = {"batch": batch, "size": size, "calls": calls}
    workers = {
        "ours": Worker(f"{OURS}:inference", **options),
        "ours auto": Worker(f"{OURS}:inference", auto=True, **options),
    }
    for half in (False, True):
        for compiled in (False, True):
            name = f"PyTorch {'compiled' if compiled else 'eager'}{' bfloat16' * half}"
            workers[name] = Worker(f"{TORCH}:inference", half=half, compiled=compiled, **options)
    times = take_turns(workers)
    torch = best_of(times, ["PyTorch eager", "PyTorch compiled"])
    torch_half = best_of(times, ["PyTorch eager bfloat16", "PyTorch compiled bfloat16"])
    ours, half = "ours", "ours auto"
    return times, [
        (f"inference, {size}×{size}", torch, ours, ratio(times[torch], times[ours]), float32),
        (f"inference, {size}×{size}, precision auto", torch, half, ratio(times[torch], times[half]), auto),
        (f"inference, {size}×{size}, auto and bfloat16", torch_half, half, ratio(times[torch_half], times[half]), 1.0),
    ]


def iterations_to_equal(weights=WEIGHTS, most=5_000, stride=10):
    """How many fixed-point iterations reach the mean PSNR of trained weights, on scikit-image's test images."""
    import diffnet_tf as dn
    from diffnet_tf.base import backend
    from diffnet_tf.files import model_files

    inputs, targets = dn.data.paired_arrays(dn.data.open_images("skimage", split="test"))
    wanted = np.mean(dn.metrics.psnr(targets, model_files.load(weights).predict(inputs, verbose=0)))
    step = backend.compiled(lambda y, u: dn.diffusion.fixed_point_inverse(y, stride, start=u), fused=True)
    u = inputs
    for done in range(stride, most + 1, stride):
        u = step(inputs, u)
        if np.mean(dn.metrics.psnr(targets, u)) >= wanted:
            return done
    raise RuntimeError(f"{most} iterations do not reach the {wanted:.2f} dB of {weights}.")


def inverse():
    """Undo diffusion without noise: DiffNet against the fixed-point iterations that reach its PSNR."""
    iterations = iterations_to_equal()
    workers = {
        "ours": Worker(f"{OURS}:inference"),
        "fixed point": Worker(f"{OURS}:fixed_point", iterations=iterations),
        "fixed point, fused": Worker(f"{OURS}:fixed_point", iterations=iterations, fused=True),
    }
    times = take_turns(workers)
    return times, [
        (f"inverse, {iterations} iterations", name, "ours", ratio(times[name], times["ours"]), 5.0)
        for name in ("fixed point", "fixed point, fused")
    ]


def pairs():
    """Making pairs of 96×96 images without noise, and the peers' diffusion alone."""
    workers = {"ours": Worker(f"{OURS}:pairs")}
    workers |= {name: Worker("benchmarks.peers:diffuse", name=name) for name in peers.FILTERS}
    times = take_turns(workers)
    best = best_of(times, peers.FILTERS)
    return times, [("making pairs", best, "ours", ratio(times[best], times["ours"]), None)]


def pipeline():
    """The pipeline's share of a training step of the recipe fast, with noise: the smaller the better."""
    workers = {
        "pipeline": Worker(f"{OURS}:pairs", batch=8, crop=24, augment=True, noise=0.01, batches=1000),
        "step": Worker(f"{OURS}:train_step", batch=8, size=24, recipe="fast", steps=50),
    }
    times = take_turns(workers)
    share = spread(times["pipeline"] / times["step"])
    return times, [("pipeline's share of a step", "step", "pipeline", share, 0.05)]


def memory(sizes=(1024, 1536, 2048, 2560, 3072)):
    """Peak memory of inference against the number of pixels: a straight line."""
    peaks = {}
    for size in sizes:
        worker = Worker(f"{OURS}:inference", batch=1, size=size)
        peaks[size] = worker()[1]
        worker.close()
    pixels, peak = np.array([n * n for n in peaks]), np.array(list(peaks.values()))
    slope, base = np.polyfit(pixels, peak, 1)
    deviation = np.abs(base + slope * pixels - peak).max() / peak.max()
    return {
        "bytes": {str(n): value for n, value in peaks.items()},
        "bytes_per_pixel": float(slope),
        "bytes_at_zero": float(base),
        "largest_deviation_from_a_line": float(deviation),
    }


COMPARISONS = {
    "step": training_step,
    "inference-96": lambda: inference(96, 16, 4),
    "inference-1024": lambda: inference(1024, 1, 1),
    "inverse": inverse,
    "pairs": pairs,
    "pipeline": pipeline,
}
