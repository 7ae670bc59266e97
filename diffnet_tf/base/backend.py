"""What Keras leaves to its backends: compiling a function of tensors, equal bits, and dtypes wide enough for images."""

import contextlib
import contextvars
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import keras

from diffnet_tf.base.types import Tensor


def at_least_float32(dtype: str) -> str:
    """The dtype itself, or float32 for half precision. (Keras's result_type narrows float64 on JAX and PyTorch.)"""
    return "float32" if dtype in ("float16", "bfloat16") else dtype


_guarded = contextvars.ContextVar("_guarded", default=False)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """A block in which networks are traced as for a device that narrows float32, see `narrows_float32`."""
    token = _guarded.set(True)
    try:
        yield
    finally:
        _guarded.reset(token)


def narrows_float32() -> bool:
    """Whether float32 convolutions that are traced now may be computed in less: TF32 on a GPU, bfloat16 on a TPU.

    Processors compute them as they are. Inside `guarded` it is always so: for models that are traced here and run
    elsewhere, and for tests.
    """
    return _guarded.get() or _has_accelerator()


@functools.cache
def _has_accelerator() -> bool:
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU") or tf.config.list_physical_devices("TPU"))
    if name == "jax":
        import jax

        return bool(jax.default_backend() != "cpu")
    import torch

    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())


@contextlib.contextmanager
def without_tf32() -> Iterator[None]:
    """A block in which a GPU computes float32 convolutions and products in float32, not in TF32.

    On JAX it is for what is traced inside, on TensorFlow and PyTorch for what runs inside.
    """
    name = keras.backend.backend()
    if name == "jax":
        import jax

        with jax.default_matmul_precision("float32"):
            yield
    elif name == "tensorflow":
        import tensorflow as tf

        config = tf.config.experimental
        before = config.tensor_float_32_execution_enabled()
        config.enable_tensor_float_32_execution(False)
        try:
            yield
        finally:
            config.enable_tensor_float_32_execution(before)
    else:
        import torch

        settings = torch.backends.cudnn, torch.backends.cuda.matmul
        values = [each.allow_tf32 for each in settings]
        try:
            for each in settings:
                each.allow_tf32 = False
            yield
        finally:
            for each, value in zip(settings, values):
                each.allow_tf32 = value


def tensorflow_without_tf32() -> None:
    """On TensorFlow with a GPU, compute in float32 instead of TF32 from now on; elsewhere change nothing.

    A compiled function runs long after it was traced, so `without_tf32` around a network's call is not enough there.
    """
    if keras.backend.backend() == "tensorflow" and _has_accelerator():
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)


def has_bfloat16() -> bool:
    """Whether the device has instructions for bfloat16 that the backend is taken to use.

    A GPU of compute capability 8.0 and higher has them. On a processor that has them TensorFlow and PyTorch were
    faster with bfloat16, JAX was not.
    """
    name = keras.backend.backend()
    if not _has_accelerator():
        info = Path("/proc/cpuinfo")
        return name != "jax" and info.exists() and "_bf16" in info.read_text()
    if name == "tensorflow":
        import tensorflow as tf

        details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
        return all(detail.get("compute_capability", (0, 0)) >= (8, 0) for detail in details)
    if name == "jax":
        import jax

        found = [getattr(device, "compute_capability", "8.0") for device in jax.local_devices()]
        return all(float(capability) >= 8.0 for capability in found)
    import torch

    return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported())


def deterministic() -> None:
    """Have the backend use only operations whose result does not depend on which thread ends first.

    To be called before the backend's first operation. Two processes with the same seed on one machine, with the same
    versions and number of threads, then give the same bits; on a GPU at the price of some speed.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif name == "jax":  # on a CPU it is so anyway
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
    else:
        import torch

        torch.use_deterministic_algorithms(True)


@functools.cache
def fused(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function of tensors that XLA fuses even inside a TensorFlow graph; on other backends the function itself.

    For chains of small operations: TensorFlow spends more on the gradients of shifted images than on their values. XLA
    compiles anew for every shape, so it pays where shapes repeat, as in training.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False, jit_compile=True)
    return function


_OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "ResourceExhausted", "out of memory", "OOM when allocating")


@contextlib.contextmanager
def memory_errors(message: str) -> Iterator[None]:
    """A block in which memory may be exhausted, for which every backend has an error of its own.

    Raises:
        MemoryError: with a message that says what to do.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY):
            raise MemoryError(message) from error
        raise


def compiled(function: Callable[..., Tensor], fused: bool = False) -> Callable[..., Tensor]:
    """A function of arrays or tensors, compiled by the backend in use. (PyTorch runs it as it is, without gradients.)

    Args:
        function: of tensors.
        fused: on TensorFlow, let XLA fuse its operations: several times as fast for chains of small ones, as in a
            diffusion, but slower for convolutions on a CPU. On JAX, XLA does so anyway.
    """
    name = keras.backend.backend()
    if name == "jax":
        import jax

        return jax.jit(function)
    if name == "tensorflow":
        import tensorflow as tf

        # TensorFlow counts tracings by code, and warns when lambdas of the same line are traced once each: a partial
        # function counts for itself.
        own = functools.partial(function)
        return tf.function(own, reduce_retracing=not fused, jit_compile=fused or None)
    return _without_gradients(function)


def _without_gradients(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """On PyTorch: with nothing kept for a backward pass."""
    import torch

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def of_arrays(*arrays: Tensor, **named: Tensor) -> Tensor:
        tensor = keras.ops.convert_to_tensor
        return function(*map(tensor, arrays), **{name: tensor(array) for name, array in named.items()})

    return of_arrays
