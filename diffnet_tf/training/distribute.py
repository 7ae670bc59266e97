"""Train on several devices or machines. Each batch is split over them; the steps are the same as on one device.

| strategy | backend | engine |
|---|---|---|
| "none" | any | |
| "mirrored" | TensorFlow | `tf.distribute.MirroredStrategy`: all GPUs of one machine, or its logical CPUs |
| "multiworker" | TensorFlow | `tf.distribute.MultiWorkerMirroredStrategy`: one process on each machine, see TF_CONFIG |
| "data_parallel" | JAX | `keras.distribution.DataParallel`: all devices of one machine |

In every process, make the model and call `training.fit` inside `scope(strategy)`. On JAX, Keras's `fit` does the rest.
On TensorFlow, Keras's `fit` fails under MultiWorkerMirroredStrategy, so this module does the steps with `strategy.run`.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from diffnet_tf import metrics
from diffnet_tf.base import checks, frameworks
from diffnet_tf.base.types import Array, Tensor
from diffnet_tf.training import checkpoint

STRATEGIES = {"none": None, "mirrored": "tensorflow", "multiworker": "tensorflow", "data_parallel": "jax"}
EVALUATION_BATCH = 16


def scope(strategy: str = "none") -> contextlib.AbstractContextManager[Any]:
    """A context in which to make a model and train it on all devices of a strategy.

    Args:
        strategy: a name in `STRATEGIES`. Enter "multiworker" before you use TensorFlow for anything else.

    Raises:
        ValueError: if the strategy is unknown or needs another Keras backend, or there are no devices to split batches
            over.
    """
    checks.one_of(strategy, "strategy", tuple(STRATEGIES))
    backend, wanted = keras.backend.backend(), STRATEGIES[strategy]
    if wanted not in (None, backend):
        install = "" if frameworks.installed(wanted) else f"Install {frameworks.NAMES[wanted]}. "
        own = " or ".join(repr(name) for name, needed in STRATEGIES.items() if needed == backend)
        other = f" On {backend}, give {own}." if own else ""
        raise ValueError(
            f"strategy={strategy!r} needs Keras's {wanted} backend; this is {backend}. {install}Set "
            f"{frameworks.VARIABLE}={wanted}.{other}"
        )
    if strategy == "none":
        return contextlib.nullcontext()
    if strategy == "data_parallel":
        return keras.distribution.DataParallel().scope()
    import tensorflow as tf

    if strategy == "multiworker":
        return tf.distribute.MultiWorkerMirroredStrategy().scope()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) == 1 and devices[0].device_type == "CPU":
        raise ValueError(
            "strategy='mirrored' found no GPU and only one CPU; expected several devices. Install TensorFlow with GPU "
            "support, or use strategy='none'."
        )
    return tf.distribute.MirroredStrategy([device.name for device in devices]).scope()


def of_model(model: keras.Model) -> Any:
    """The `tf.distribute` strategy under which a model was made; None without one or on other backends."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    strategy = model.distribute_strategy
    kinds = (tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy)
    return strategy if isinstance(strategy, kinds) else None


def is_chief() -> bool:
    """Whether this process writes files and shows progress: the first of several workers, or the only process."""
    if keras.backend.backend() != "tensorflow":
        return True
    import tensorflow as tf

    resolver = getattr(tf.distribute.get_strategy(), "cluster_resolver", None)
    return resolver is None or resolver.task_id in (None, 0)


def replicas(model: keras.Model) -> int:
    """The number of devices on which a model is trained."""
    if keras.backend.backend() == "jax":
        distribution = keras.distribution.distribution()
        return 1 if distribution is None else distribution.device_mesh.devices.size
    strategy = of_model(model)
    return 1 if strategy is None else strategy.num_replicas_in_sync


def check_batch(batch_size: int, model: keras.Model) -> None:
    """Raise a ValueError if batches do not split evenly over the devices."""
    number = replicas(model)
    if batch_size % number:
        raise ValueError(
            f"batch_size={batch_size} does not split evenly over {number} devices; expected a multiple of {number}. "
            f"For example, use dataclasses.replace(recipe, batch_size={number})."
        )


def fit(
    model: keras.Model,
    make_pairs: Callable[[int, int], Any],
    *,
    loss: str,
    epochs: int,
    initial_epoch: int,
    steps_per_epoch: int,
    validation_data: tuple[Array, Array] | None,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Replaces Keras's `fit` for a model made under a `tf.distribute` strategy; calls the callbacks in the same way.

    Args:
        model: a compiled `keras.Model`.
        make_pairs: make_pairs(index of this worker, number of workers) returns its part of each batch, a
            `tf.data.Dataset`.
        loss: "norm" or "mse". Squares are summed over all devices before the root of the norm is taken.
        epochs, initial_epoch, steps_per_epoch, validation_data, callbacks: as in `keras.Model.fit`.
    """
    import tensorflow as tf

    strategy = of_model(model)

    def dataset_of(context: Any) -> Any:
        per_worker = strategy.num_replicas_in_sync // context.num_input_pipelines
        pairs = make_pairs(context.input_pipeline_id, context.num_input_pipelines)
        return pairs.map(lambda *pair: [tf.split(part, per_worker) for part in pair]).unbatch()

    batches = iter(strategy.distribute_datasets_from_function(dataset_of))
    step = tf.function(_step(model, strategy, loss))
    called = keras.callbacks.CallbackList(callbacks, model=model, epochs=epochs, steps=steps_per_epoch)
    checkpoint.build_metrics(model)  # for callbacks that ask whether higher is better
    model.stop_training = False
    called.on_train_begin()
    for epoch in range(initial_epoch, epochs):
        called.on_epoch_begin(epoch)
        losses = []
        for number in range(steps_per_epoch):
            called.on_train_batch_begin(number)
            losses.append(step(next(batches)))
            called.on_train_batch_end(number, {"loss": losses[-1]})
            if model.stop_training:
                break
        logs = {"loss": float(tf.reduce_mean(losses))}
        if validation_data is not None:
            logs |= {f"val_{name}": value for name, value in _evaluate(model, loss, *validation_data).items()}
        called.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    called.on_train_end()


def _step(model: keras.Model, strategy: Any, loss: str) -> Callable[[Any], Tensor]:
    """Make a function that does one training step on all devices: distributed (input, target) → loss."""
    import tensorflow as tf

    variables = model.trainable_variables
    replicas = strategy.num_replicas_in_sync
    squares, of_squares = metrics.SUMMED[loss]

    def replica_step(pair: tuple[Tensor, Tensor]) -> Tensor:
        inputs, targets = pair
        with tf.GradientTape() as tape:
            part = squares(targets, model(inputs, training=True))
        gradients = tape.gradient(part, [v.value for v in variables])
        total = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, part)
        with tf.GradientTape() as tape:
            tape.watch(total)
            value = of_squares(total, (inputs.shape[0] * replicas, *inputs.shape[1:]))
        slope = tape.gradient(value, total)
        model.optimizer.apply([slope * g for g in gradients], variables)  # apply sums over the devices
        return value

    def step(pair: Any) -> Tensor:
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(replica_step, args=(pair,)), axis=None)

    return step


def _evaluate(model: keras.Model, loss: str, inputs: Array, targets: Array) -> dict[str, float]:
    """The loss and PSNR of validation pairs, as Keras reports them. Each worker computes all of it."""
    metric, total = metrics.PSNR(), 0.0
    squares, of_squares = metrics.SUMMED[loss]
    if isinstance(model.loss, metrics.NormLoss):  # scaled to the training batches
        of_squares = model.loss.of_squares
    for i in range(0, len(inputs), EVALUATION_BATCH):
        target = targets[i : i + EVALUATION_BATCH]
        output = model(ops.convert_to_tensor(inputs[i : i + EVALUATION_BATCH]), training=False)
        metric.update_state(target, output)
        # Keras's own losses would divide by the number of devices under a strategy.
        total += len(target) * float(of_squares(squares(target, output), target.shape))
    return {"loss": total / len(inputs), "psnr": float(metric.result())}
