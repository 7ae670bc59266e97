"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner, as a Keras optimiser.

N. Vyas et al., *SOAP: Improving and Stabilizing Shampoo using Adam*, ICLR 2025, arXiv:2409.11321, Algorithm 3.

Beyond 50 dB, undoing diffusion is a smooth regression, whose directions differ in curvature by many orders of
magnitude; Adam scales coordinates and crawls. SOAP scales directions: of a kernel, taken as a matrix from input
patches to output channels, it averages G Gᵀ and Gᵀ G over the gradients G, and lets Adam run on G in their
eigenvectors. On DiffNet's small kernels that costs a few per cent of a training step.
"""

import keras
from keras import ops

from diffnet_tf import checks

PACKAGE = "diffnet_tf"


@keras.saving.register_keras_serializable(PACKAGE)
class SOAP(keras.optimizers.Optimizer):
    """Adam in the slowly turning eigenbasis of Shampoo's preconditioner.

    Kernels (rank 2 and more) are matrices (product of all dimensions but the last, last); vectors and scalars are left
    to Adam with the same averages. It takes memory for two square matrices and their eigenvectors a kernel: it is made
    for kernels of up to about a thousand rows.

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
        learning_rate=3e-3,
        beta_1=0.95,
        beta_2=0.95,
        shampoo_beta=0.95,
        epsilon=1e-8,
        refresh_every=25,
        name="soap",
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        checks.count(refresh_every, "refresh_every")
        for name, beta in (("beta_1", beta_1), ("beta_2", beta_2), ("shampoo_beta", shampoo_beta)):
            if not 0 <= beta < 1:
                raise ValueError(f"{name}={beta}; expected a number in [0, 1).")
        self.beta_1, self.beta_2, self.shampoo_beta = beta_1, beta_2, shampoo_beta
        self.epsilon, self.refresh_every = epsilon, refresh_every

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        # Both have the shape of the matrix, in which a kernel's `second` lives in the basis and `first` outside it.
        self._first, self._second, self._factors = [], [], []
        for variable in variables:
            self._first.append(self.add_variable_from_reference(variable, "momentum"))
            self._second.append(self.add_variable_from_reference(variable, "velocity"))
            self._factors.append(self._add_factors(variable) if len(variable.shape) > 1 else None)

    def _add_factors(self, variable):
        """The averages of G Gᵀ and Gᵀ G, and their eigenvectors in columns, of a kernel."""
        rows, columns = _matrix_shape(variable.shape)
        path = variable.path.replace("/", "_")
        sides = []
        for side, size in (("left", rows), ("right", columns)):
            average = self.add_variable((size, size), "zeros", variable.dtype, name=f"{path}_{side}")
            basis = self.add_variable((size, size), "identity", variable.dtype, name=f"{path}_{side}_basis")
            sides.append((average, basis))
        return sides

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        dtype = variable.dtype
        gradient, rate = ops.cast(gradient, dtype), ops.cast(learning_rate, dtype)
        first, second, factors = self._first[index], self._second[index], self._factors[index]

        self.assign(first, _average(first, gradient, self.beta_1))
        if factors is None:
            self.assign(second, _average(second, ops.square(gradient), self.beta_2))
            self.assign_sub(variable, rate * self._adam(first, second))
            return
        (left, left_basis), (right, right_basis) = factors
        shape = _matrix_shape(variable.shape)
        matrix = ops.reshape(gradient, shape)
        velocity = ops.reshape(ops.convert_to_tensor(second), shape)
        self.assign(left, _average(left, ops.matmul(matrix, ops.transpose(matrix)), self.shampoo_beta))
        self.assign(right, _average(right, ops.matmul(ops.transpose(matrix), matrix), self.shampoo_beta))

        state = [ops.convert_to_tensor(v) for v in (left, left_basis, right, right_basis)]
        started, due = self.iterations > 0, ops.equal((self.iterations + index) % self.refresh_every, 0)
        p, q, velocity = ops.cond(
            ops.logical_and(started, ops.logical_not(due)),
            lambda: (state[1], state[3], velocity),
            lambda: ops.cond(
                started, lambda: _refreshed(*state, velocity), lambda: (*map(_eigenvectors, (left, right)), velocity)
            ),
        )
        self.assign(left_basis, p)
        self.assign(right_basis, q)

        velocity = _average(velocity, ops.square(_into_basis(matrix, p, q)), self.beta_2)
        self.assign(second, ops.reshape(velocity, tuple(variable.shape)))
        step = self._adam(_into_basis(ops.reshape(ops.convert_to_tensor(first), shape), p, q), velocity)
        step = ops.matmul(ops.matmul(p, step), ops.transpose(q))
        self.assign_sub(variable, rate * ops.reshape(step, tuple(variable.shape)))

    def _adam(self, first, second):
        """Adam's direction from its two averages, both corrected for having started at zero."""
        number = ops.cast(self.iterations + 1, second.dtype)
        first = first / (1.0 - ops.power(ops.cast(self.beta_1, second.dtype), number))
        second = second / (1.0 - ops.power(ops.cast(self.beta_2, second.dtype), number))
        return first / (ops.sqrt(second) + self.epsilon)

    def get_config(self):
        own = ("beta_1", "beta_2", "shampoo_beta", "epsilon", "refresh_every")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _matrix_shape(shape):
    rows = 1
    for size in shape[:-1]:
        rows *= size
    return rows, shape[-1]


def _average(old, new, beta):
    return beta * ops.convert_to_tensor(old) + (1.0 - beta) * new


def _into_basis(matrix, p, q):
    return ops.matmul(ops.matmul(ops.transpose(p), matrix), q)


def _eigenvectors(average):
    """In columns, by falling eigenvalue. (Started from anything else, the bases turn so far in the first steps that the
    averages of squares, which are of the old directions, make Adam's steps explode.)"""
    return ops.flip(ops.eigh(_in_units_of_its_largest(average))[1], axis=1)


def _refreshed(left, p, right, q, velocity):
    """One power iteration on both bases; their columns sorted by eigenvalue, and the squared gradients with them."""
    p, order = _turned(left, p)
    velocity = ops.take(velocity, order, axis=0)
    q, order = _turned(right, q)
    return p, q, ops.take(velocity, order, axis=1)


def _turned(average, basis):
    # The tiny multiple of the identity turns no eigenvector, and keeps the basis where all gradients are zero.
    image = ops.matmul(_in_units_of_its_largest(average), basis) + 1e-9 * basis
    order = ops.argsort(-ops.sum(basis * image, axis=0))  # by Rayleigh quotient
    return ops.qr(ops.take(image, order, axis=1))[0], order


def _in_units_of_its_largest(average):
    """Decompositions square columns: gradients of 1e-6 would be 1e-24 in them, near the end of float32."""
    average = ops.convert_to_tensor(average)
    largest = ops.max(ops.abs(average))
    return average / ops.where(largest > 0, largest, ops.ones_like(largest))
