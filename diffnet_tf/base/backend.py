"""What Keras leaves to its backends: compiling functions, reproducible bits, and dtypes wide enough for images."""

import contextlib
import contextvars
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import keras

from diffnet_tf.base.types import Tensor


def at_least_float32(dtype: str) -> str:
    """The given dtype, or float32 for half precision. (Keras's result_type narrows float64 on JAX and PyTorch.)"""
    return "float32" if dtype in ("float16", "bfloat16") else dtype


_guarded = contextvars.ContextVar("_guarded", default=False)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """A block in which networks are traced as if the device narrowed float32; see `narrows_float32`."""
    token = _guarded.set(True)
    try:
        yield
    finally:
        _guarded.reset(token)


def narrows_float32() -> bool:
    """Whether the device may compute float32 convolutions in lower precision: TF32 on a GPU, bfloat16 on a TPU.

    CPUs do not. Inside `guarded` the answer is always True: for models that are traced here and run elsewhere, and
    for tests.
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

    On JAX this holds for what is traced inside the block; on TensorFlow and PyTorch, for what runs inside it.
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
    """On TensorFlow with a GPU, compute in float32 instead of TF32 from now on; elsewhere do nothing.

    A compiled function runs long after it was traced, so on TensorFlow `without_tf32` around the call is not enough.
    """
    if keras.backend.backend() == "tensorflow" and _has_accelerator():
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)


def has_bfloat16() -> bool:
    """Whether the device has instructions for bfloat16 that are expected to make the backend faster.

    GPUs have them from compute capability 8.0 on. On CPUs that have them, TensorFlow and PyTorch were faster with
    bfloat16, and JAX was not.
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

        capabilities = [getattr(device, "compute_capability", "8.0") for device in jax.local_devices()]
        return all(float(capability) >= 8.0 for capability in capabilities)
    import torch

    return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported())


def deterministic() -> None:
    """Make the backend use only operations whose result does not depend on the order in which threads finish.

    Call it before the backend's first operation. Two processes with the same seed, machine, versions and number of
    threads then give the same bits. On a GPU this costs some speed.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif name == "jax":  # CPUs are deterministic anyway
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true".strip()
    else:
        import torch

        torch.use_deterministic_algorithms(True)


@functools.cache
def fused(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function of tensors that XLA fuses, even inside a TensorFlow graph; on other backends the function itself.

    Use it for chains of small operations, such as products with shifted images, whose gradients cost TensorFlow more
    than their values. XLA compiles again for every shape, so this pays where shapes repeat, as in training.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False, jit_compile=True)
    return function


_OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "ResourceExhausted", "out of memory", "OOM when allocating")


@contextlib.contextmanager
def memory_errors(message: str) -> Iterator[None]:
    """A block that may run out of memory: turns each backend's own error into a MemoryError.

    Args:
        message: text of the MemoryError; it should say what to do.

    Raises:
        MemoryError: if memory ran out.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY):
            raise MemoryError(message) from error
        raise


def compiled(function: Callable[..., Tensor], fused: bool = False) -> Callable[..., Tensor]:
    """Compile a function of arrays or tensors with the backend. (PyTorch only runs it without gradients.)

    Args:
        function: a function of tensors.
        fused: on TensorFlow, let XLA fuse the operations. This is several times as fast for chains of small
            operations, as in diffusion, but slower for convolutions on a CPU. JAX always uses XLA.
    """
    name = keras.backend.backend()
    if name == "jax":
        import jax

        return jax.jit(function)
    if name == "tensorflow":
        import tensorflow as tf

        # TensorFlow counts tracings per line of code, and warns when several lambdas of one line are traced once each.
        # A partial object has a count of its own.
        own = functools.partial(function)
        return tf.function(own, reduce_retracing=not fused, jit_compile=fused or None)
    return _without_gradients(function)


def _without_gradients(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function on PyTorch, keeping nothing for a backward pass."""
    import torch

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def of_arrays(*arrays: Tensor, **named: Tensor) -> Tensor:
        tensor = keras.ops.convert_to_tensor
        return function(*map(tensor, arrays), **{name: tensor(array) for name, array in named.items()})

    return of_arrays
