"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner, as a Keras optimiser.

N. Vyas et al., *SOAP: Improving and Stabilizing Shampoo using Adam*, ICLR 2025, arXiv:2409.11321, Algorithm 3.

Above 50 dB, undoing diffusion is a smooth regression problem whose curvature differs between directions by many orders
of magnitude. Adam scales coordinates, so it becomes slow. SOAP scales directions: it treats a kernel as a matrix from
input patches to output channels, averages G Gᵀ and Gᵀ G over the gradients G, and runs Adam in the basis of their
eigenvectors. Here, a bias is treated as an additional row of its kernel, for a constant input; this gains 0.8 dB in
1,500 steps.

Kernels with the same shape are processed as a batch of matrices, which needs a few large operations instead of many
small ones.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Tensor

PACKAGE = "diffnet_tf"


@dataclasses.dataclass
class _Group:
    """Kernels of one shape, all with or all without their layer's bias: indices (kernel, bias), and their state."""

    number: int
    members: list[tuple[int, ...]] = dataclasses.field(default_factory=list)
    state: list[keras.Variable] = dataclasses.field(default_factory=list)


@keras.saving.register_keras_serializable(PACKAGE)
class SOAP(keras.optimizers.Optimizer):
    """Adam in the slowly changing eigenbasis of Shampoo's preconditioner.

    A kernel of rank 2 or more becomes a matrix (product of all dimensions but the last, last dimension), with the bias
    of the same layer as its last row. Other vectors and scalars are updated by Adam with the same decay rates. Each
    kernel needs memory for two square matrices and their eigenvectors, so SOAP is meant for kernels of up to about a
    thousand rows.

    Args:
        learning_rate: a float or a Keras schedule. The default 3e-3, from the authors of SOAP, suits DiffNet.
        beta_1: decay rate of the average of gradients, in [0, 1).
        beta_2: decay rate of the average of squared gradients, in [0, 1).
        shampoo_beta: decay rate of the averages of G Gᵀ and Gᵀ G, in [0, 1).
        epsilon: small number that prevents a division by zero.
        refresh_every: number of steps between updates of a kernel's eigenvectors (one power iteration and a QR
            decomposition), at least 1. Kernels of different shapes are updated in different steps. The first step
            computes exact eigenvectors.
        name, kwargs: passed to `keras.optimizers.Optimizer`: weight decay, clipping, averaging of weights.

    Raises:
        TypeError, ValueError: if a decay rate or refresh_every is out of range.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 3e-3,
        beta_1: float = 0.95,
        beta_2: float = 0.95,
        shampoo_beta: float = 0.95,
        epsilon: float = 1e-8,
        refresh_every: int = 25,
        name: str = "soap",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        checks.count(refresh_every, "refresh_every")
        for name, beta in (("beta_1", beta_1), ("beta_2", beta_2), ("shampoo_beta", shampoo_beta)):
            if not 0 <= beta < 1:
                raise ValueError(f"{name}={beta}; expected a number in [0, 1).")
        self.beta_1, self.beta_2, self.shampoo_beta = beta_1, beta_2, shampoo_beta
        self.epsilon, self.refresh_every = epsilon, refresh_every

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._waiting: dict[int, list[tuple[keras.Variable, Tensor]]] = {}
        self._vectors: dict[int, list[keras.Variable]] = {}
        self._group_of: dict[int, _Group] = {}
        groups: dict[tuple[tuple[int, int], bool], _Group] = {}
        for index, variable in enumerate(variables):
            if index in self._group_of:  # a bias
                continue
            if len(variable.shape) < 2:
                kind = ("momentum", "velocity")
                self._vectors[index] = [self.add_variable_from_reference(variable, name) for name in kind]
                continue
            after = variables[index + 1] if index + 1 < len(variables) else None
            rows, columns = math.prod(variable.shape[:-1]), variable.shape[-1]
            biased = after is not None and tuple(after.shape) == (columns,) and _layer(after) == _layer(variable)
            shape = (rows + biased, columns)
            group = groups.setdefault((shape, biased), _Group(len(groups)))
            member = (index, index + 1) if biased else (index,)
            group.members.append(member)
            self._group_of |= dict.fromkeys(member, group)
        for (shape, _), group in groups.items():
            # Averages of G, of its squares in the basis, and of G Gᵀ and Gᵀ G with their eigenvectors as columns.
            shapes = {"momentum": shape, "velocity": shape}
            for name, size in (("left", shape[0]), ("right", shape[1])):
                shapes |= {name: (size, size), f"{name}_basis": (size, size)}
            count, dtype = len(group.members), variables[group.members[0][0]].dtype
            group.state = [
                self.add_variable((count, *shape), "zeros", dtype, name=f"group{group.number}_{name}")
                for name, shape in shapes.items()
            ]

    def apply(self, grads: Sequence[Tensor], trainable_variables: Sequence[keras.Variable] | None = None) -> None:
        self._waiting = {}
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        index = self._get_variable_index(variable)
        gradient, rate = ops.cast(gradient, variable.dtype), ops.cast(learning_rate, variable.dtype)
        group = self._group_of.get(index)
        if group is None:
            first, second = self._vectors[index]
            self.assign(first, _average(first, gradient, self.beta_1))
            self.assign(second, _average(second, ops.square(gradient), self.beta_2))
            self.assign_sub(variable, rate * self._adam(first, second))
            return
        # Wait for the gradients of the whole group. (tf.distribute calls this once for each device, in equal order.)
        self._waiting.setdefault(index, []).append((variable, gradient))
        if index == max(map(max, group.members)):
            self._update(group, rate)

    def _update(self, group: _Group, rate: Tensor) -> None:
        """Do one step for all kernels and biases of a group from their waiting gradients."""
        members = [[self._waiting[index].pop(0) for index in member] for member in group.members]
        gradient = ops.stack([_matrix(*(gradient for _, gradient in member)) for member in members])
        for member, step in zip(members, ops.unstack(rate * self._step(group, gradient), len(members))):
            rows = math.prod(member[0][0].shape[:-1])
            for (variable, _), part in zip(member, (step[:rows], step[-1])):
                self.assign_sub(variable, ops.reshape(part, tuple(variable.shape)))

    def _step(self, group: _Group, gradient: Tensor) -> Tensor:
        """Update a group's state from its gradients, (kernels, rows, columns). Returns Adam's steps, same shape."""
        first, second, left, p, right, q = group.state
        self.assign(first, _average(first, gradient, self.beta_1))
        self.assign(left, _average(left, ops.matmul(gradient, _transposed(gradient)), self.shampoo_beta))
        self.assign(right, _average(right, ops.matmul(_transposed(gradient), gradient), self.shampoo_beta))

        before = [ops.convert_to_tensor(v) for v in (p, q, second)]
        started = self.iterations > 0
        due = ops.equal((self.iterations + group.number) % self.refresh_every, 0)
        basis_p, basis_q, velocity = ops.cond(
            ops.logical_and(started, ops.logical_not(due)),
            lambda: tuple(before),
            lambda: ops.cond(
                started,
                lambda: _refreshed(left, right, *before),
                lambda: (_eigenvectors(left), _eigenvectors(right), before[2]),
            ),
        )
        velocity = _average(velocity, ops.square(_into_basis(gradient, basis_p, basis_q)), self.beta_2)
        for variable, value in ((p, basis_p), (q, basis_q), (second, velocity)):
            self.assign(variable, value)
        direction = self._adam(_into_basis(first, basis_p, basis_q), velocity)
        return ops.matmul(ops.matmul(basis_p, direction), _transposed(basis_q))

    def _adam(self, first: Tensor, second: Tensor) -> Tensor:
        """Adam's direction from its two averages, corrected for their start at zero."""
        number = ops.cast(self.iterations + 1, second.dtype)
        first = ops.convert_to_tensor(first) / (1.0 - ops.power(ops.cast(self.beta_1, second.dtype), number))
        second = ops.convert_to_tensor(second) / (1.0 - ops.power(ops.cast(self.beta_2, second.dtype), number))
        return first / (ops.sqrt(second) + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        own = ("beta_1", "beta_2", "shampoo_beta", "epsilon", "refresh_every")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _matrix(kernel: Tensor, *bias: Tensor) -> Tensor:
    """Reshape a kernel to a matrix, with the bias (if any) as its last row."""
    return ops.concatenate([ops.reshape(kernel, (-1, kernel.shape[-1])), *(row[None] for row in bias)])


def _layer(variable: keras.Variable) -> str:
    return variable.path.rpartition("/")[0]


def _average(old: Tensor, new: Tensor, beta: float) -> Tensor:
    return beta * ops.convert_to_tensor(old) + (1.0 - beta) * new


def _transposed(matrices: Tensor) -> Tensor:
    return ops.swapaxes(matrices, -1, -2)


def _into_basis(matrices: Tensor, p: Tensor, q: Tensor) -> Tensor:
    return ops.matmul(ops.matmul(_transposed(p), ops.convert_to_tensor(matrices)), q)


def _eigenvectors(average: Tensor) -> Tensor:
    """Exact eigenvectors as columns, by decreasing eigenvalue.

    (From any other start, the bases would rotate so much in the first steps that the averages of squares, which belong
    to the old directions, would make Adam's steps explode.)
    """
    return ops.flip(_each(lambda matrix: ops.eigh(matrix)[1], _in_units_of_its_largest(average)), axis=-1)


def _refreshed(left: Tensor, right: Tensor, p: Tensor, q: Tensor, velocity: Tensor) -> tuple[Tensor, ...]:
    """Do one power iteration on both bases, and sort their columns and the squared gradients by eigenvalue."""
    p, order = _turned(left, p)
    velocity = ops.take_along_axis(velocity, order[:, :, None], axis=1)
    q, order = _turned(right, q)
    return p, q, ops.take_along_axis(velocity, order[:, None, :], axis=2)


def _turned(average: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    # A tiny multiple of the identity changes no eigenvectors, and keeps the basis if all gradients are zero.
    image = ops.matmul(_in_units_of_its_largest(average), basis) + 1e-9 * basis
    order = ops.argsort(-ops.sum(basis * image, axis=1))  # by Rayleigh quotient
    return _each(lambda matrix: ops.qr(matrix)[0], ops.take_along_axis(image, order[:, None, :], axis=2)), order


def _each(decompose: Callable[[Tensor], Tensor], matrices: Tensor) -> Tensor:
    """Apply a decomposition to each matrix of a batch, one by one.

    (JAX's batched decompositions can deadlock on few cores: they wait for threads of the pool in which they run.)
    """
    return ops.stack([decompose(matrix) for matrix in ops.unstack(matrices, matrices.shape[0])])


def _in_units_of_its_largest(average: Tensor) -> Tensor:
    """Scale by the largest entry: decompositions square columns, and small gradients would leave float32's range."""
    average = ops.convert_to_tensor(average)
    largest = ops.max(ops.abs(average), axis=(-1, -2), keepdims=True)
    return average / ops.where(largest > 0, largest, ops.ones_like(largest))
