"""Measurements of a device with JAX: quality of presets, training steps, inference and memory bandwidth.

Keras's backend is JAX. Times are medians with extremes, see `timing.spread`.
"""

import dataclasses
import statistics
import time

import jax
import keras
import numpy as np

import diffnet_tf as dn
from benchmarks.timing import spread
from diffnet_tf.training import recipes

# Name → (how the model is made, what is changed in the recipe `paper`). U-Net diverges at the paper's rate.
NETWORKS = {
    "DiffNet": (lambda dtype: dn.models.DiffNet(dtype=dtype), {}),
    "U-Net": (lambda dtype: dn.models.UNet(dtype=dtype), {"learning_rate": 3e-4, "loss": "norm"}),
    "small U-Net": (lambda dtype: dn.models.UNet((4, 8), dtype=dtype), {"learning_rate": 3e-4, "loss": "norm"}),
}
# How a preset is computed: name → (dtype policy, JAX's matmul precision; None is JAX's default, TF32 on a GPU).
MODES = {"TF32": ("float32", None), "float32": ("float32", "float32"), "mixed_bfloat16": ("mixed_bfloat16", None)}


SIGMA = 0.01  # of the noise for a preset that is given it


def accelerators():
    """The devices other than CPUs: a list of dicts of kind, platform and memory in GiB (None if unknown)."""
    found = []
    for device in jax.local_devices():
        if device.platform != "cpu":
            limit = (device.memory_stats() or {}).get("bytes_limit")
            gib = round(limit / 2**30, 1) if limit else None
            found.append({"kind": device.device_kind, "platform": device.platform, "memory_for_jax_gib": gib})
    return found


def made_up(count, size=96, seed=0):
    """Smooth images with edges: bytes (count, size, size). Each is a wavy ground with a few disks and half planes."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:size, :size] / size
    images = np.empty((count, size, size), "uint8")
    for image in images:
        u = np.full((size, size), rng.uniform(0.3, 0.6))
        for _ in range(4):
            a, b, phase = rng.uniform(-12, 12, 2).tolist() + [rng.uniform(0, 2 * np.pi)]
            u += rng.uniform(0.02, 0.1) * np.sin(a * row + b * column + phase)
        for _ in range(8):
            y, x, radius = rng.uniform(0, 1, 2).tolist() + [rng.uniform(0.05, 0.3)]
            inside = (row - y) ** 2 + (column - x) ** 2 < radius**2
            u += rng.uniform(-0.3, 0.3) * inside
        u += rng.uniform(-0.2, 0.2) * (rng.normal() * (row - 0.5) + rng.normal() * (column - 0.5) > 0)
        image[:] = np.clip(255 * u, 0, 255)
    return images


def presets(pixels, modes=tuple(MODES)):
    """The mean PSNR of every preset on the device and on the processor.

    Args:
        pixels: test images, bytes (n, height, width). The preset `deconvolution` gets the same number of disks instead.
        modes: names in `MODES`.

    Returns:
        preset → {"n", "input", "cpu float32", "cpu mixed_bfloat16", and each mode}, mean PSNRs in dB.
    """
    processor, apply = jax.devices("cpu")[0], {}
    found = {}
    for name in dn.list_presets():
        card = dn.presets.card(name)
        with jax.default_device(processor):
            inputs, targets = map(np.asarray, _pair(card, pixels))
        found[name] = {"n": len(targets), "input": _mean_psnr(targets, inputs[..., :1])}
        wanted = {f"cpu {MODES[mode][0]}": (MODES[mode][0], "highest", processor) for mode in modes}
        wanted |= {mode: (*MODES[mode], jax.devices()[0]) for mode in modes}
        for label, (dtype, precision, device) in wanted.items():
            model = dn.from_preset(name, dtype=dtype)
            weights = [np.asarray(variable) for variable in model.trainable_variables]
            # Presets of one shape share a compiled function: their weights are its arguments.
            key = (str(card["network"]), label)
            function = apply.setdefault(key, jax.jit(lambda w, u, m=model: m.stateless_call(w, [], u)[0]))
            with jax.default_device(device), jax.default_matmul_precision(precision):
                output = np.asarray(function(weights, inputs))
            found[name][label] = _mean_psnr(targets, output)
    return found


def _pair(card, pixels):
    if card["problem"] != "deconvolution":
        noise_map = bool(card["network"].get("noise_map"))
        options = {"noise": SIGMA, "noise_map": True} if noise_map else {"noise": card["noise"]}
        return dn.data.paired_arrays(dn.data.GrayImages(pixels), problem=card["problem"], **options)
    keys = ("time", "method", "boundary")  # a Fourier step is exact: one is enough
    options = {key: card["diffusion"][key] for key in keys}
    targets = dn.data.disks(len(pixels), seed=1).take(np.arange(len(pixels)))
    return dn.diffusion.isotropic(targets, steps=1, **options), targets


def _mean_psnr(targets, outputs):
    """The mean PSNR, computed in double precision. NaN, which JSON cannot hold, becomes 0 dB.

    (Images are never perfect here.)
    """
    errors = np.mean((targets.astype("float64") - outputs) ** 2, axis=(1, 2, 3))
    return float(np.nan_to_num(np.mean(-10 * np.log10(errors)), nan=0.0, neginf=0.0))


def _recipe(network, batch, crop):
    return dataclasses.replace(recipes.get("paper"), batch_size=batch, crop=crop, **NETWORKS[network][1])


def in_fit(network, dtype, pixels, every, intervals, batch=16, crop=None):
    """Steps of `training.fit` without noise, timed from one interval to the next.

    Args:
        network: name in `NETWORKS`.
        dtype: a dtype policy.
        pixels: training images, bytes (n, height, width).
        every: steps of an interval, after which `fit` waits for the device.
        intervals: how many are timed, after a first one that is not.
        batch, crop: settings of the recipe.

    Returns:
        {"ms": a `spread` over the intervals, "steps": of an interval, "first_step_s": what the first interval took
        beyond its steps: compiling}.
    """
    keras.utils.set_random_seed(0)
    model, images = NETWORKS[network][0](dtype), dn.data.GrayImages(pixels)
    options = {"steps": every * (1 + intervals), "validate_every": every, "verbose": False}
    run = dn.training.fit(model, images, _recipe(network, batch, crop), **options)
    times = 1000 * np.diff(run.times) / every
    first = run.times[0] - every * float(np.median(times)) / 1000
    return {"ms": spread(times), "steps": every, "first_step_s": round(first, 2)}


def in_scan(network, dtype, pixels, length, repetitions, batch=16, crop=None):
    """The same steps alone: `length` steps in one `lax.scan`, on one batch that stays on the device.

    Returns:
        As `in_fit`; "first_step_s" is the first call, without its steps.
    """
    keras.utils.set_random_seed(0)
    recipe, model = _recipe(network, batch, crop), NETWORKS[network][0](dtype)
    optimizer, loss = recipes.optimizer(recipe, 100_000), dn.metrics.LOSSES[recipe.loss]()
    optimizer.build(model.trainable_variables)
    pair = dn.data.paired_arrays(dn.data.GrayImages(pixels[:batch, :crop, :crop]))
    pair = jax.device_put(tuple(map(np.asarray, pair)))

    def step(state, inputs, targets):
        def objective(weights):
            return loss(targets, model.stateless_call(weights, [], inputs, training=True)[0])

        value, gradients = jax.value_and_grad(objective)(state[0])
        return optimizer.stateless_apply(state[1], gradients, state[0]), value

    def steps(state, pair):
        if length == 1:  # inside of a loop XLA's convolutions on a processor take 30 times as long
            return step(state, *pair)
        return jax.lax.scan(lambda state, _: step(state, *pair), state, length=length)

    many = jax.jit(steps)
    state = ([v.value for v in model.trainable_variables], [v.value for v in optimizer.variables])
    times = []
    for _ in range(1 + repetitions):
        start = time.perf_counter()
        state, values = jax.block_until_ready(many(state, pair))
        times.append(time.perf_counter() - start)
    if not np.isfinite(np.asarray(values)).all():
        raise FloatingPointError("The loss left the finite numbers.")
    first = times[0] - statistics.median(times[1:])
    return {"ms": spread(1000 * np.array(times[1:]) / length), "steps": length, "first_step_s": round(first, 2)}


def inference(dtype, batch, size, calls, repetitions=5):
    """Images per second of the preset `inverse` on images that are already on the device: a `spread`."""
    model = dn.from_preset("inverse", dtype=dtype)
    images = jax.device_put(np.random.default_rng(0).random((batch, size, size, 1), "float32"))
    function = jax.jit(lambda u: model(u, training=False))
    jax.block_until_ready(function(images))
    rates = []
    for _ in range(repetitions):
        start = time.perf_counter()
        for _ in range(calls):
            output = function(images)
        jax.block_until_ready(output)
        rates.append(batch * calls / (time.perf_counter() - start))
    return spread(rates)


def bandwidth(mebibytes, calls=20, repetitions=5):
    """Bytes per second that the device reads and writes to copy a large array with the sign changed: a `spread`.

    (A plain copy could be left out by the compiler.)
    """
    array = jax.numpy.ones(mebibytes * 2**18, "float32")
    function = jax.jit(jax.numpy.negative)
    jax.block_until_ready(function(array))
    rates = []
    for _ in range(repetitions):
        start = time.perf_counter()
        for _ in range(calls):
            output = function(array)
        jax.block_until_ready(output)
        rates.append(2 * array.nbytes * calls / (time.perf_counter() - start))
    return spread(rates)


def step_bytes(batch, size, dtype, layers=5, depth=4, width=32):
    """The least that a training step of DiffNet moves between the device's memory and its cores, in bytes.

    Counted is a device on which every convolution, and every update of the image, is one kernel that reads its inputs
    once and writes its output once, with all that is elementwise (bias, ReLU and its mask, casts) inside it. A whole
    feature map is too large to stay on the chip. These values are moved per pixel and layer, with `depth` − 1 hidden
    maps of `width` channels:

    - a hidden map: written, read by the next convolution, read again for that one's kernel gradient, and once for the
      ReLU's mask; its gradient: written, read for the kernel gradient and for the gradient of the convolution's
      input. Seven times `width` channels a map.
    - the five filters: written, read by the update, and read by the update's backward pass; their gradient: written,
      read for the kernel gradient and for the input's. Six times five channels.
    - the image: read by the first convolution and by the update, and written; backward, read for the kernel gradient
      and for the update's; its gradient: read by the update's backward pass, written by it, added to what comes out of
      the first convolution (read, written). Nine channels.

    Hidden maps have 2 bytes a value under "mixed_bfloat16", 4 else; filters and images always have 4. Weights, Adam
    and the loss are less than 1 % and left out; so is what splitting convolutions against TF32 adds.

    On an NVIDIA H200 (4.8 TB/s by its data sheet) 2.1 GB a step of 16 images of 96×96 in float32 take 0.44 ms; at the
    bandwidth that a copy reaches, about 0.5 ms.
    """
    hidden = 2 if dtype == "mixed_bfloat16" else 4
    values = 7 * (depth - 1) * width * hidden + (6 * 5 + 9) * 4
    return batch * size**2 * layers * values
