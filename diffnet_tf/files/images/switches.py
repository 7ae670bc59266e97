"""Change a setting of another library while images are read, also in several threads at once."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

_LOCK = threading.Lock()
_HELD: dict[tuple[int, str], tuple[int, Any]] = {}  # setting → (number of blocks that hold it, its original value)


@contextlib.contextmanager
def held(owner: Any, name: str, value: Any) -> Iterator[None]:
    """A block in which an attribute has a value. When the last of several such blocks ends, it is restored.

    Args:
        owner: a module, or an object that lives as long as the program.
        name: name of the attribute.
        value: value of the attribute; the same in all blocks that hold it at the same time.
    """
    key = id(owner), name
    with _LOCK:
        count, before = _HELD.get(key, (0, getattr(owner, name)))
        _HELD[key] = count + 1, before
        setattr(owner, name, value)
    try:
        yield
    finally:
        with _LOCK:
            count, before = _HELD.pop(key)
            if count > 1:
                _HELD[key] = count - 1, before
            else:
                setattr(owner, name, before)
