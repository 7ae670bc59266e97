"""A second thread reads the next tile and writes the previous one while the network computes."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def ahead(
    function: Callable[[Argument], Result], arguments: Iterable[Argument], waiting: int = 1
) -> Generator[Result, None, None]:
    """Like `map`, but a second thread calls the function in advance.

    Calls and results keep the order of the arguments. The caller's thread iterates over the arguments. If you may stop
    early, close the generator (`contextlib.closing`). Once it is closed or has raised an error, no call is running and
    no further call starts.

    Args:
        function: takes one argument.
        arguments: its arguments.
        waiting: how many calls may run ahead of the requested result; 0 for none.

    Yields:
        The results.

    Raises:
        Whatever the function raises, when its result is requested.
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(1, "ahead") as thread:  # on exit, waits for the running call
        try:
            for argument in arguments:
                pending.append(thread.submit(function, argument))
                if len(pending) > waiting:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for call in pending:
                call.cancel()
