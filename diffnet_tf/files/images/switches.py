"""A setting of another library that is changed while an image is read, in however many threads."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

_LOCK = threading.Lock()
_HELD: dict[tuple[int, str], tuple[int, Any]] = {}  # how many hold a setting, and what it was before the first


@contextlib.contextmanager
def held(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute; it is what it was when the last of those that hold it at a time has ended.

    Args:
        owner: a module, or an object that lives as long as the program.
        name, value: of the attribute; all that hold it at a time give the same value.
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
