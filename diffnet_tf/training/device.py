"""Fast training on JAX: each compiled call does several steps and makes its examples on the device.

Keras's `fit` copies a batch from the host and does one step per call. On a fast GPU, this wastes half of the time. Here
the images stay on the device, and one call does several steps. Each step makes its examples (crop, noise and diffusion,
see `data.examples`) and calls Keras's own `train_step`. The host only passes the numbers of the examples. Callbacks are
called after the last step of each call, as with Keras's steps_per_execution.

The number of steps in a call is an argument of one compiled loop, so the weights do not depend on it, to the bit. It is
chosen so that calls take a fixed time, and a call ends at each validation and checkpoint. On a CPU, XLA would run the
inside of a compiled loop on one core. So there the loop is in Python, only the step is compiled, and a call saves the
waiting between steps.
"""

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.data import halves
from diffnet_tf.data.plan import Plan
from diffnet_tf.training import checkpoint
from diffnet_tf.training.distribute import EVALUATION_BATCH
from diffnet_tf.training.run import Run

MOST = 64  # maximum number of steps in a call
SECONDS = 0.25  # target duration of a call; Ctrl-C and the progress bar wait for its end
_BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


def able(model: keras.Model, plan: Plan) -> bool:
    """Whether a compiled model can be trained here. Otherwise, use Keras's `fit`.

    Requires JAX without a distribution, a step that can be compiled, a `degrade` that JAX can trace, and images with
    fewer than 2³¹ pixels in total that fit into half of the device's memory.
    """
    if keras.backend.backend() != "jax" or keras.distribution.distribution() is not None:
        return False
    if model.run_eagerly or not model.jit_compile or not plan.compiles:
        return False
    import jax

    pixels = plan.examples.images.pixels
    memory = (jax.devices()[0].memory_stats() or {}).get("bytes_limit")
    sizes = plan.examples.images.sizes
    if memory is None and isinstance(pixels, np.memmap):  # may be larger than the memory, whose size is unknown
        return False
    if memory is not None and pixels.nbytes >= memory / 2:
        return False
    return bool(pixels.size < 2**31 and sizes.max() < halves.LARGEST_DIVISOR)


def acts_on_batches(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback has batch methods. Then each call does one step, so that the callback sees every batch."""
    methods = [(getattr(callback, name), getattr(keras.callbacks.Callback, name)) for name in _BATCH_HOOKS]
    return any(getattr(mine, "__func__", None) is not default for mine, default in methods)


class Steps:
    """Training steps of a compiled model with a built optimiser: several in each call, examples made on the device.

    Args:
        model: a `keras.Model`. Its variables are not changed; the state is passed in and returned.
        plan: how to make the training pairs.
        most: maximum number of steps in a call.
        looped: also compile the loop over the steps. None: yes, except on CPUs.
    """

    def __init__(self, model: keras.Model, plan: Plan, most: int = MOST, looped: bool | None = None) -> None:
        import jax
        import jax.numpy as jnp

        self.looped = jax.default_backend() != "cpu" if looped is None else looped
        self.most, self._plan, self._examples = most, plan, plan.examples
        images = self._examples.images
        pixels = images.pixels if images.pixels.dtype == np.uint8 else images.pixels.astype("float32")
        self._images = jax.device_put((pixels, images.maxima))
        xp = halves.jax_arrays()

        def step(state: Any, numbers: Any, images: Any) -> Any:
            (epoch, k, index), (pixels, maxima) = numbers, images
            pair = plan.pair(*self._examples.make(epoch, k, index, pixels, maxima, xp))
            return model.train_step(state, pair)

        traced = jax.jit(step)  # traced once, for the shapes of its logs and for the loop, where it is inlined

        def steps(state: Any, numbers: Any, count: Any, images: Any) -> Any:
            logs, _ = jax.eval_shape(traced, state, numbers[0], images)
            nothing = jax.tree.map(lambda log: jnp.zeros(log.shape, log.dtype), logs)
            return jax.lax.fori_loop(0, count, lambda i, both: traced(both[1], numbers[i], images), (nothing, state))

        self._compiled = jax.jit(steps if self.looped else step, donate_argnums=0)

    def __call__(self, state: Any, first: int, count: int) -> tuple[Any, Any]:
        """Do the training steps first, …, first + count − 1, counted from 0.

        Args:
            state: the state for `train_step` of a Keras model on JAX. Donated: do not use it afterwards.
            first: number of the first step.
            count: number of steps, 1 to `most`.

        Returns:
            (logs of the last step, new state). JAX may still be computing them.
        """
        size = self._plan.batch_size
        numbers = np.zeros((self.most, 3, size), "int32")  # always the same shape, so that it is compiled once
        made = np.stack(self._examples.numbers(first * size, count * size))
        numbers[:count] = made.reshape(3, count, size).swapaxes(0, 1)
        if self.looped:
            return self._compiled(state, numbers, np.int32(count), self._images)
        for of_step in numbers[:count]:
            logs, state = self._compiled(state, of_step, self._images)
        return logs, state


class _Pace:
    """Chooses the number of steps in a call, so that it takes `SECONDS`. Starts with 1 and doubles.

    Args:
        most: the maximum.
    """

    def __init__(self, most: int) -> None:
        self.most, self.size, self._compiled = most, 1, False

    def took(self, count: int, seconds: float) -> None:
        """Record the number of steps and the duration of a call."""
        if self._compiled:  # ignore the first call, which compiles
            self.size = max(1, min(self.most, 2 * count, int(SECONDS * count / seconds)))
        self._compiled = True


class Trainer:
    """Replaces Keras's `fit`: uses `Steps` instead of an iterator, and calls the callbacks in the same way.

    Args:
        model: a compiled `keras.Model` with a built optimiser.
        plan: how to make the training pairs.
        run: counts the steps and knows when to save.
        others: the other callbacks.
    """

    def __init__(self, model: keras.Model, plan: Plan, run: Run, others: Sequence[keras.callbacks.Callback]) -> None:
        checkpoint.build_metrics(model)
        self._model, self._run = model, run
        self._steps = Steps(model, plan, 1 if any(map(acts_on_batches, others)) else MOST)
        self._pace = _Pace(self._steps.most)

    def fit(
        self,
        *,
        epochs: int,
        initial_epoch: int,
        steps_per_epoch: int,
        validation_data: tuple[Array, Array] | None,
        callbacks: keras.callbacks.CallbackList,
    ) -> None:
        """As `keras.Model.fit`. on_train_batch_begin gets the number of a call's first step in the epoch, …_end its
        last."""
        model = self._model
        model.stop_training = False
        callbacks.on_train_begin()
        try:
            for epoch in range(initial_epoch, epochs):
                model.reset_metrics()
                callbacks.on_epoch_begin(epoch)
                logs = self._epoch(steps_per_epoch, callbacks)
                if validation_data is not None:
                    options = {"batch_size": EVALUATION_BATCH, "callbacks": callbacks, "return_dict": True}
                    values = model.evaluate(*validation_data, verbose=0, **options)
                    logs |= {f"val_{name}": value for name, value in values.items()}
                callbacks.on_epoch_end(epoch, logs)
                if model.stop_training:
                    break
        finally:
            model.jax_state_sync()
            model.optimizer.finalize_variable_values(model.trainable_weights)
            model._jax_state = None
        callbacks.on_train_end()

    def _epoch(self, steps: int, callbacks: keras.callbacks.CallbackList) -> dict[str, Any]:
        """Do the steps up to the next validation, and return the metrics."""
        model, run, done = self._model, self._run, 0
        model._jax_state_synced = True
        while done < steps and not model.stop_training:
            count = min(self._pace.size, steps - done, run.until_stop)
            callbacks.on_train_batch_begin(done)
            if model._jax_state_synced:  # at the start, and after a callback has read the variables
                state = model._get_jax_state(True, True, True, True, purge_model_variables=True)
                model._jax_state_synced = False
            began = time.perf_counter()
            logs, state = self._steps(state, run.step, count)
            kinds = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
            model._jax_state = dict(zip(kinds, state))
            logs = {name: float(value) for name, value in logs.items()}  # waits for the end of the call
            self._pace.took(count, time.perf_counter() - began)
            done += count
            callbacks.on_train_batch_end(done - 1, logs)
        model.jax_state_sync()
        return dict(model._get_metrics_result_or_logs(logs))
