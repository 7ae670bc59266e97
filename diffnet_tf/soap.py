"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner, as a Keras optimiser.

N. Vyas et al., *SOAP: Improving and Stabilizing Shampoo using Adam*, ICLR 2025, arXiv:2409.11321, Algorithm 3.

Beyond 50 dB, undoing diffusion is a smooth regression, whose directions differ in curvature by many orders of
magnitude; Adam scales coordinates and crawls. SOAP scales directions: of a kernel, taken as a matrix from input
patches to output channels, it averages G Gᵀ and Gᵀ G over the gradients G, and lets Adam run on G in their
eigenvectors. Here a bias is one more row of its kernel, that of a constant input: this gains 0.8 dB in 1,500 steps.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from diffnet_tf import checks
from diffnet_tf.types import Tensor

PACKAGE = "diffnet_tf"


@keras.saving.register_keras_serializable(PACKAGE)
class SOAP(keras.optimizers.Optimizer):
    """Adam in the slowly turning eigenbasis of Shampoo's preconditioner.

    Kernels (rank 2 and more) are matrices (product of all dimensions but the last, last), with the bias of the same
    layer as their last row; other vectors and scalars are left to Adam with the same averages. A kernel takes memory
    for two square matrices and their eigenvectors: SOAP is made for kernels of up to about a thousand rows.

    Args:
        learning_rate: a float or a Keras schedule. 3e-3 is the authors' of SOAP, and suits DiffNet.
        beta_1: averaging of gradients, in [0, 1).
        beta_2: averaging of squared gradients, in [0, 1).
        shampoo_beta: averaging of G Gᵀ and Gᵀ G, in [0, 1).
        epsilon: keeps the division by the root of the squared gradients finite.
        refresh_every: steps from one refreshment of a kernel's eigenvectors, by one power iteration and a QR
            decomposition, to the next. Kernels take turns. The first step decomposes exactly.
        name, kwargs: of `keras.optimizers.Optimizer`: weight decay, clipping, averaging of weights.
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
        self._state: list[list[keras.Variable]] = []
        self._bias_of: dict[int, int] = {}
        self._kernel_of: dict[int, int] = {}
        self._waiting: dict[int, Tensor] = {}
        for index, variable in enumerate(variables):
            if len(variable.shape) < 2:
                kind = ("momentum", "velocity")
                self._state.append([self.add_variable_from_reference(variable, name) for name in kind])
                continue
            rows, columns = _matrix_shape(variable.shape)
            after = variables[index + 1] if index + 1 < len(variables) else None
            if after is not None and tuple(after.shape) == (columns,) and _layer(after) == _layer(variable):
                self._bias_of[index], self._kernel_of[index + 1] = index + 1, index
                rows += 1
            self._state.append(self._add_state(variable, rows, columns))

    def _add_state(self, kernel: keras.Variable, rows: int, columns: int) -> list[keras.Variable]:
        """Averages of G, of its squares in the basis, of G Gᵀ and Gᵀ G; and their eigenvectors, in columns."""
        path = kernel.path.replace("/", "_")
        made = {"momentum": (rows, columns), "velocity": (rows, columns)}
        made |= {"left": (rows, rows), "left_basis": (rows, rows)}
        made |= {"right": (columns, columns), "right_basis": (columns, columns)}
        return [self.add_variable(shape, "zeros", kernel.dtype, name=f"{path}_{name}") for name, shape in made.items()]

    def apply(self, grads: Sequence[Tensor], trainable_variables: Sequence[keras.Variable] | None = None) -> None:
        self._waiting = {}
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        index = self._get_variable_index(variable)
        gradient, rate = ops.cast(gradient, variable.dtype), ops.cast(learning_rate, variable.dtype)
        if index in self._bias_of:
            # Its bias comes next. (Under tf.distribute each comes once a device, in the same order.)
            self._waiting.setdefault(index, []).append((variable, gradient))
        elif index in self._kernel_of:
            kernel, of_kernel = self._waiting[self._kernel_of[index]].pop(0)
            matrix = ops.reshape(of_kernel, _matrix_shape(kernel.shape))
            step = rate * self._step(self._kernel_of[index], ops.concatenate([matrix, gradient[None]]))
            self.assign_sub(kernel, ops.reshape(step[:-1], tuple(kernel.shape)))
            self.assign_sub(variable, step[-1])
        elif len(variable.shape) > 1:
            step = self._step(index, ops.reshape(gradient, _matrix_shape(variable.shape)))
            self.assign_sub(variable, ops.reshape(rate * step, tuple(variable.shape)))
        else:
            first, second = self._state[index]
            self.assign(first, _average(first, gradient, self.beta_1))
            self.assign(second, _average(second, ops.square(gradient), self.beta_2))
            self.assign_sub(variable, rate * self._adam(first, second))

    def _step(self, index: int, gradient: Tensor) -> Tensor:
        """Update the state of a kernel by its gradient, a matrix, and return Adam's step in the eigenbasis."""
        first, second, left, p, right, q = self._state[index]
        self.assign(first, _average(first, gradient, self.beta_1))
        self.assign(left, _average(left, ops.matmul(gradient, ops.transpose(gradient)), self.shampoo_beta))
        self.assign(right, _average(right, ops.matmul(ops.transpose(gradient), gradient), self.shampoo_beta))

        before = [ops.convert_to_tensor(v) for v in (p, q, second)]
        started, due = self.iterations > 0, ops.equal((self.iterations + index) % self.refresh_every, 0)
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
        return ops.matmul(ops.matmul(basis_p, direction), ops.transpose(basis_q))

    def _adam(self, first: Tensor, second: Tensor) -> Tensor:
        """Adam's direction from its two averages, both corrected for having started at zero."""
        number = ops.cast(self.iterations + 1, second.dtype)
        first = ops.convert_to_tensor(first) / (1.0 - ops.power(ops.cast(self.beta_1, second.dtype), number))
        second = ops.convert_to_tensor(second) / (1.0 - ops.power(ops.cast(self.beta_2, second.dtype), number))
        return first / (ops.sqrt(second) + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        own = ("beta_1", "beta_2", "shampoo_beta", "epsilon", "refresh_every")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _matrix_shape(shape: Sequence[int]) -> tuple[int, int]:
    rows = 1
    for size in shape[:-1]:
        rows *= size
    return rows, shape[-1]


def _layer(variable: keras.Variable) -> str:
    return variable.path.rpartition("/")[0]


def _average(old: Tensor, new: Tensor, beta: float) -> Tensor:
    return beta * ops.convert_to_tensor(old) + (1.0 - beta) * new


def _into_basis(matrix: Tensor, p: Tensor, q: Tensor) -> Tensor:
    return ops.matmul(ops.matmul(ops.transpose(p), ops.convert_to_tensor(matrix)), q)


def _eigenvectors(average: Tensor) -> Tensor:
    """In columns, by falling eigenvalue. (Started from anything else, the bases turn so far in the first steps that the
    averages of squares, which are of the old directions, make Adam's steps explode.)"""
    return ops.flip(ops.eigh(_in_units_of_its_largest(average))[1], axis=1)


def _refreshed(left: Tensor, right: Tensor, p: Tensor, q: Tensor, velocity: Tensor) -> tuple[Tensor, ...]:
    """One power iteration on both bases; their columns sorted by eigenvalue, and the squared gradients with them."""
    p, order = _turned(left, p)
    velocity = ops.take(velocity, order, axis=0)
    q, order = _turned(right, q)
    return p, q, ops.take(velocity, order, axis=1)


def _turned(average: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    # The tiny multiple of the identity turns no eigenvector, and keeps the basis where all gradients are zero.
    image = ops.matmul(_in_units_of_its_largest(average), basis) + 1e-9 * basis
    order = ops.argsort(-ops.sum(basis * image, axis=0))  # by Rayleigh quotient
    return ops.qr(ops.take(image, order, axis=1))[0], order


def _in_units_of_its_largest(average: Tensor) -> Tensor:
    """Decompositions square columns: gradients of 1e-6 would be 1e-24 in them, near the end of float32."""
    average = ops.convert_to_tensor(average)
    largest = ops.max(ops.abs(average))
    return average / ops.where(largest > 0, largest, ops.ones_like(largest))
