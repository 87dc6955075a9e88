"""Work in, results out in the same order, with a bounded number of things under way. Knows nothing of stores."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Together the ten connections that the S3 client keeps open; more wait for one another there and for Python here.
READERS = 8  # bodies held at once
DAYS_AT_ONCE = 2  # so that one day's index is read while another's bodies are


def in_order(
    pool: Executor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with what `work` made of it, in the order of the items; at most `ahead` of them are taken in advance.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:
    ...     list(in_order(pool, abs, [-1, 2, -3], 2))
    [(-1, 1), (2, 2), (-3, 3)]
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        for _, future in waiting:
            future.cancel()
