"""Seed the random numbers that a user's function draws, and afterwards restore every generator it used."""

import contextlib
import functools
import inspect
import random
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np

_MOST = 10_000  # objects that are searched for generators


def _inside(value: Any) -> Iterable[Any]:
    """What a function or an object refers to: closure, defaults, the globals that it names, attributes, elements."""
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, types.MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if cell != types.CellType()]
        names = {name for code in _codes(value.__code__) for name in code.co_names}
        named = [value.__globals__[name] for name in names if name in value.__globals__]
        return [*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values(), *named]
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, (type, types.ModuleType, np.ndarray)):
        return []
    called = [inspect.getattr_static(type(value), name, None) for name in ("__call__", "call")]
    return [*getattr(value, "__dict__", {}).values(), *called]


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _held(function: Any) -> Iterator[Any]:
    """The generators that a function refers to."""
    waiting, seen = [function], {id(function)}
    while waiting and len(seen) < _MOST:
        value = waiting.pop()
        if _kind(value):
            yield value
            continue
        for part in _inside(value):
            if id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)


class _Kind:
    """How to get, set and reset the state of one kind of random generator."""

    def __init__(
        self,
        get: Callable[[Any], Any],
        put: Callable[[Any, Any], None],
        start: Callable[[Any], Any],
    ) -> None:
        self.get, self.put, self.start = get, put, start


def _start_generator(generator: np.random.Generator) -> None:
    generator.bit_generator.state = type(generator.bit_generator)(0).state


_PYTHON = _Kind(lambda g: g.getstate(), lambda g, state: g.setstate(state), lambda g: g.seed(0))
_NUMPY = _Kind(lambda g: g.get_state(), lambda g, state: g.set_state(state), lambda g: g.seed(0))
_GENERATOR = _Kind(
    lambda g: g.bit_generator.state, lambda g, state: setattr(g.bit_generator, "state", state), _start_generator
)
_KERAS = _Kind(
    lambda g: keras.ops.convert_to_numpy(g.state),
    lambda g, state: g.state.assign(state),
    lambda g: g.state.assign(np.array([0, 0])),
)
_TENSORFLOW = _Kind(lambda g: g.state.numpy(), lambda g, state: g.state.assign(state), lambda g: g.reset_from_seed(0))
_TORCH = _Kind(lambda g: g.get_state(), lambda g, state: g.set_state(state), lambda g: g.manual_seed(0))


def _kind(value: Any) -> _Kind | None:
    if isinstance(value, random.Random):
        return _PYTHON
    if isinstance(value, np.random.RandomState):
        return _NUMPY
    if isinstance(value, np.random.Generator):
        return _GENERATOR
    if isinstance(value, keras.random.SeedGenerator):
        return _KERAS
    for module, kind in (("tensorflow", _TENSORFLOW), ("torch", _TORCH)):
        loaded = sys.modules.get(module)
        owner = getattr(loaded, "random", None) if module == "tensorflow" else loaded
        if owner is not None and isinstance(value, getattr(owner, "Generator", ())):
            return kind
    return None


@contextlib.contextmanager
def seeded(function: Any) -> Iterator[Callable[[], bool]]:
    """A block in which every generator that a function may draw from starts at a fixed state.

    After the block each generator has the state that it had before. This covers the generators of Python's `random`, of
    `numpy.random`, of Keras and of its backend, and those that the function refers to in its closure, its defaults, its
    attributes and its globals.

    Yields:
        A function that returns whether any of them, except the backend's own, was used since the block began.
    """
    generators: list[tuple[Any, _Kind]] = [(random, _PYTHON), (np.random, _NUMPY)]
    generators += [(generator, kind) for generator in _held(function) if (kind := _kind(generator))]
    states = [kind.get(generator) for generator, kind in generators]
    with contextlib.ExitStack() as stack:
        for (generator, kind), state in zip(generators, states):
            stack.callback(kind.put, generator, state)
            kind.start(generator)
        generators.append((stack.enter_context(keras_generator(keras.random.SeedGenerator(0))), _KERAS))
        stack.enter_context(_backend_seeded())
        before = _states(generators)
        yield lambda: _states(generators) != before


def _states(generators: list[tuple[Any, _Kind]]) -> str:
    with np.printoptions(threshold=sys.maxsize):
        return repr([kind.get(generator) for generator, kind in generators])


@contextlib.contextmanager
def keras_generator(generator: keras.random.SeedGenerator) -> Iterator[keras.random.SeedGenerator]:
    """A block in which Keras uses this generator, in this thread, for everything that is not given a seed."""
    from keras.src.backend.common import global_state
    from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR as NAME

    before = global_state.get_global_attribute(NAME)
    global_state.set_global_attribute(NAME, generator)
    try:
        yield generator
    finally:
        global_state.set_global_attribute(NAME, before)


@contextlib.contextmanager
def _backend_seeded() -> Iterator[None]:
    """The same for the backend's own generator. (JAX has none.)"""
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf
        from tensorflow.python.eager import context

        own = vars(context.context())
        before = {name: own.pop(name) for name in ("_seed", "_rng") if name in own}
        tf.random.set_seed(0)
        try:
            yield
        finally:
            own.pop("_rng", None)
            own.update(before)
    elif name == "torch":
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(0)
            yield
    else:
        yield
