"""A thread beside the caller's: the next tile is read, and the last one written, while the network computes."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def ahead(
    function: Callable[[Argument], Result], arguments: Iterable[Argument], waiting: int = 1
) -> Generator[Result, None, None]:
    """`map`, with a thread that calls the function before its results are asked for.

    The calls and the results keep the order of the arguments. The arguments themselves are taken in the caller's
    thread. Close the generator (`contextlib.closing`) when it may be left early: when it is closed, or has raised an
    error, no call is running and none will be made.

    Args:
        function: of one argument.
        arguments: what it is called with.
        waiting: how many calls may be ahead of the result that is asked for; 0 makes each when its result is asked for.

    Yields:
        The results.

    Raises:
        Whatever the function raises, in place of its result.
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(1, "ahead") as thread:  # its end waits for the call that is running
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
