"""A second thread, which reads the next tile and writes the last one while the network computes."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def ahead(
    function: Callable[[Argument], Result], arguments: Iterable[Argument], waiting: int = 1
) -> Generator[Result, None, None]:
    """Like `map`, with a thread that calls the function before its results are needed.

    Calls and results keep the order of the arguments. The arguments are read in the caller's thread. If you may stop
    early, close the generator (`contextlib.closing`): after that, or after an error, no call is running or will start.

    Args:
        function: of one argument.
        arguments: for its calls.
        waiting: how many calls may be ahead of the current result; with 0, each call waits until its result is needed.

    Yields:
        The results.

    Raises:
        Exception: whatever the function raises, in place of its result.
    """
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(1, "ahead") as thread:  # its end waits for the running call
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
