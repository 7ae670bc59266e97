"""Measure speed and correctness on a GPU with JAX: python -m benchmarks.gpu --out gpu.json

Set KERAS_BACKEND=jax. It does not need TensorFlow or downloads. The most important measurements come first, and it
stops when its minutes are over. The file is written again after every measurement, so that nothing is lost if it is
killed. Goals are judged on a GPU only. `--small` tests everything on a CPU in less than a minute.
"""

import concurrent.futures
import importlib.util
import os
import sys
import threading
import time
from pathlib import Path

from benchmarks import gpu_report
from benchmarks.timing import Worker, spread
from diffnet_tf.base import command_line

PRECISION = {
    "float32": "first and last convolutions of every estimator as in float32; those between in TF32 on a GPU that has "
    "it, JAX's default",
    "mixed_bfloat16": "first and last convolutions as in float32; those between in bfloat16",
    "presets, float32": "all in float32, by jax.default_matmul_precision('float32')",
    "PyTorch": "TF32 convolutions, float32 otherwise; fused Adam",
}


class Setting:
    """Sizes of a run.

    Args:
        small: use the tiny sizes of a rehearsal.
        pixels: images for tests and training, bytes (n, height, width); None makes some up.
    """

    def __init__(self, small, pixels):
        from benchmarks import on_jax

        self.on_jax, self.small = on_jax, small
        self.batch = 4 if small else 16
        self.pixels = on_jax.made_up(*((8, 48) if small else (64, 96))) if pixels is None else pixels
        self.size = self.pixels.shape[1]
        self.unet = "small U-Net" if small else "U-Net"
        self.intervals, self.repetitions = (2, 2) if small else (4, 5)
        self.torch = {}  # name → future of a `Worker`
        self.on_gpu = any(found["platform"] in ("gpu", "cuda", "rocm") for found in on_jax.accelerators())

    def presets(self):
        return self.on_jax.presets(self.pixels[:4] if self.small else self.pixels[:128])

    def copies(self):
        return {"bytes_per_second": self.on_jax.bandwidth(32 if self.small else 1024)}

    def fit(self, network, dtype, crop=None):
        every = 3 if self.small else 500 if network == "DiffNet" else 150
        options = {"every": every, "intervals": self.intervals, "batch": self.batch}
        return self.on_jax.in_fit(network, dtype, self.pixels, crop=crop and crop * self.size // 96, **options)

    def scan(self, network, dtype):
        length = 1 if self.small else 100  # a processor is slow in a loop
        return self.on_jax.in_scan(network, dtype, self.pixels, length, self.repetitions, self.batch)

    def inference(self, dtype):
        found = {}
        for batch, size, calls in ((2, 48, 2), (1, 128, 1)) if self.small else ((16, 96, 50), (1, 1024, 20)):
            found[f"{batch}×{size}²"] = self.on_jax.inference(dtype, batch, size, calls, self.repetitions)
        return {"images_per_second": found}

    def start_torch(self, names, children):
        """Start the processes of PyTorch's contestants, which load and compile, and append them to `children`."""
        self.children = children
        if importlib.util.find_spec("torch") is None or not (self.on_gpu or self.small):
            return
        device, steps = ("cuda", 100) if self.on_gpu else ("cpu", 1)
        options = {"device": device, "steps": steps, "batch": self.batch, "size": self.size}
        pool = concurrent.futures.ThreadPoolExecutor(2)
        for name in ("eager",) if self.small else ("eager", "compiled"):
            if f"PyTorch {name}" not in names:
                continue
            self.torch[name] = pool.submit(self._torch_worker, children, {**options, "compiled": name == "compiled"})
        pool.shutdown(wait=False)

    @staticmethod
    def _torch_worker(children, options):
        return Worker("benchmarks.in_torch:train_step", started=children.append, **options)

    def torch_step(self, name):
        if name not in self.torch:
            raise NotRun("rehearsal" if self.small else "no PyTorch, or no GPU")
        try:
            worker = self.torch[name].result(timeout=40)
        except concurrent.futures.TimeoutError:
            for process in self.children:  # what goes on compiling would disturb the measurements that follow
                process.kill()
            raise NotRun("PyTorch was not ready in time") from None
        times = [worker()[0] for _ in range(self.repetitions)]
        worker.close()
        steps = worker.items // self.batch
        return {"ms": spread([1000 * seconds / steps for seconds in times]), "steps": steps}


class NotRun(Exception):
    """A measurement that could not be made, with the reason."""


def plan(setting):
    """The measurements, most valuable first: name → (function, expected seconds on a GPU)."""
    dtypes = ("float32", "mixed_bfloat16")
    made = {
        "presets": (setting.presets, 60),
        "PyTorch eager": (lambda: setting.torch_step("eager"), 10),
        "PyTorch compiled": (lambda: setting.torch_step("compiled"), 10),
        "copies": (setting.copies, 3),
        "DiffNet fit float32": (lambda: setting.fit("DiffNet", "float32"), 25),
        "DiffNet scan float32": (lambda: setting.scan("DiffNet", "float32"), 12),
        "U-Net fit float32": (lambda: setting.fit(setting.unet, "float32"), 45),
        "DiffNet fit mixed_bfloat16": (lambda: setting.fit("DiffNet", "mixed_bfloat16"), 25),
        "DiffNet scan mixed_bfloat16": (lambda: setting.scan("DiffNet", "mixed_bfloat16"), 12),
    }
    made |= {f"inference {dtype}": (lambda d=dtype: setting.inference(d), 10) for dtype in dtypes}
    made |= {
        "U-Net 48 fit float32": (lambda: setting.fit(setting.unet, "float32", crop=48), 40),
        "U-Net fit mixed_bfloat16": (lambda: setting.fit(setting.unet, "mixed_bfloat16"), 60),
        "U-Net scan float32": (lambda: setting.scan(setting.unet, "float32"), 40),
        "U-Net 48 fit mixed_bfloat16": (lambda: setting.fit(setting.unet, "mixed_bfloat16", crop=48), 60),
    }
    return made


class Session:
    """The record of a run, written after each measurement, and the clock that ends it.

    Args:
        path: path of the JSON file, or None to write none.
        deadline: when the process ends, whatever it is doing, on `time.monotonic`'s clock.
        record: what is known beforehand.
    """

    def __init__(self, path, deadline, record):
        self.path, self.deadline, self.record, self.children = path, deadline, record, []
        self.began = time.monotonic()
        self._lock = threading.RLock()
        clock = threading.Timer(self.left(), self._end)
        clock.daemon = True
        clock.start()

    def left(self):
        """Seconds until the end."""
        return self.deadline - time.monotonic()

    def keep(self, name, found):
        with self._lock:
            self.record["measured"][name] = found
            self.write()

    def write(self):
        from diffnet_tf import files

        with self._lock:
            self.record["goals"] = gpu_report.goals(self.record)
            self.record["wall_seconds"] = round(time.monotonic() - self.began, 1)
            if self.path:
                files.write_json(self.path, self.record)

    def _end(self):
        """Time is over during a measurement: write and show the record, and exit without waiting for the device."""
        with self._lock:
            for name in self.record["names"]:
                self.record["measured"].setdefault(name, {"not_run": "out of time"})
            self.write()
            self.close()
            os._exit(0)

    def close(self):
        print(gpu_report.table(self.record), flush=True)
        for process in self.children:
            process.kill()


def measure(session, setting, names):
    """Make the named measurements while time is left, and record each."""
    for name, (function, seconds) in plan(setting).items():
        if name not in names:
            continue
        if not setting.small and session.left() < seconds:
            found = {"not_run": f"{session.left():.0f} s left of about {seconds} s"}
        else:
            start = time.monotonic()
            try:
                found = function()
            except NotRun as reason:
                found = {"not_run": str(reason)}
            except Exception as error:  # what one measurement makes of a device must not cost the others
                found = {"not_run": f"{type(error).__name__}: {str(error)[:300]}"}
            found["wall_seconds"] = round(time.monotonic() - start, 1)
        session.keep(name, found)
        print(f"{session.left():4.0f} s left  {name}: {gpu_report.brief(found)}", flush=True)


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("names", nargs="*", help="names of measurements, see `plan` in the file (default: all)")
    parser.add_argument(
        "--images", type=Path, help="test images, an NPY file of bytes (n, 96, 96) (default: synthetic images)"
    )
    parser.add_argument("--out", type=Path, help="the JSON file to write (default: none)")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")
    parser.add_argument("--minutes", type=float, default=4.0, help="time limit in minutes")
    parser.add_argument("--small", action="store_true", help="a quick test with small sizes")
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Measure. Ends the process, or returns the exit status after an error in the input."""
    chosen = parser().parse_args(arguments)
    began = time.monotonic()
    # JAX would take three quarters of the GPU's memory; PyTorch's processes need some, too.
    os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.6")
    setting, names = _checked(chosen)
    session = Session(chosen.out, began + 60 * chosen.minutes, _described(setting, names, chosen))
    session.write()
    setting.start_torch(names, session.children)
    measure(session, setting, names)
    session.close()
    sys.stdout.flush()
    os._exit(0)  # threads that still wait for PyTorch would keep the process


def _checked(chosen):
    """The setting, and the names of the measurements to make.

    Raises:
        ImportError, ValueError, OSError: without JAX or for another backend, a file that holds no such images, an
            unknown name, a file to write that exists.
    """
    import keras

    from diffnet_tf import files
    from diffnet_tf.base import checks
    from diffnet_tf.files import reading

    if keras.backend.backend() != "jax":
        raise ValueError(f"Keras runs on {keras.backend.backend()}; expected JAX. Set KERAS_BACKEND=jax.")
    pixels = reading.array(chosen.images) if chosen.images else None
    if pixels is not None and (pixels.dtype.name != "uint8" or pixels.ndim != 3 or len(pixels) < 16):
        kind = f"{pixels.dtype} {pixels.shape}"
        raise ValueError(f"{chosen.images} holds {kind}; expected uint8 (n, 96, 96) with n at least 16.")
    if chosen.out:
        checks.can_be_written(chosen.out, chosen.force)
        files.check_writable(chosen.out.parent, "--out")
    setting = Setting(chosen.small, pixels)
    names = tuple(plan(setting))
    for name in chosen.names:
        checks.one_of(name, "name", names)
    return setting, [name for name in names if name in (chosen.names or names)]


def _described(setting, names, chosen):
    """The device, the versions and the settings behind the numbers."""
    import jax

    from diffnet_tf.files import provenance

    dtypes = ("float32", "mixed_bfloat16")
    return {
        "names": names,
        "measured": {},
        "small": setting.small,
        "on_gpu": setting.on_gpu,
        "images": {"source": chosen.images.name if chosen.images else "made up", "n": len(setting.pixels)},
        "batch": setting.batch,
        "size": setting.size,
        "step_bytes": {dtype: setting.on_jax.step_bytes(setting.batch, setting.size, dtype) for dtype in dtypes},
        "precision": {**PRECISION, "jax_default_matmul_precision": jax.config.jax_default_matmul_precision},
        "device": provenance.device(),
        "hardware": {**provenance.hardware(), "accelerators": setting.on_jax.accelerators()},
        "versions": provenance.versions(),
        "commit": provenance.commit(),
    }


if __name__ == "__main__":
    sys.exit(main())
