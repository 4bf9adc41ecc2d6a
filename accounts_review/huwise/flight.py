"""Pages in flight: those of a long list are asked for ahead, so that nobody waits for each answer in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Protocol, TypeVar

from .errors import UnexpectedAnswer


class Counted(Protocol):
    """What a page of a list says."""

    @property
    def total_count(self) -> int: ...
    @property
    def views(self) -> Sequence[bytes]: ...


P = TypeVar("P", bound=Counted)


def most_rows(announced: int) -> int:
    """How long a list may have become by its last page: one that always grows would be read for ever."""
    return 2 * announced + 1000


def in_flight(fetch: Callable[[int], P], *, most: Callable[[], int]) -> Iterator[P]:
    """Every page of a list in its order, by ``fetch`` at computed offsets; never more than ``most`` asked for at once.

    Offsets go by the rows that came, since a server may cap the size of a page: pages that were asked for ahead under
    another size are dropped, and asked for anew. The last one left is fetched by whoever takes it.

    Raises :class:`UnexpectedAnswer` where the list grows without end.
    """
    page = fetch(0)
    yield page
    most_expected = most_rows(page.total_count)
    offset, step, expected = len(page.views), len(page.views), page.total_count
    with ExitStack() as stack:
        pool: ThreadPoolExecutor | None = None
        ahead: deque[Future[P]] = deque()
        while offset < expected and page.views:
            following = range(offset + len(ahead) * step, expected, step)[: max(0, most() - len(ahead))]
            if len(ahead) + len(following) > 1:
                pool = pool or stack.enter_context(ThreadPoolExecutor(most(), "pages"))
                ahead.extend(pool.submit(fetch, start) for start in following)
            try:
                page = ahead.popleft().result() if ahead else fetch(offset)
                yield page
            except BaseException:
                _drop(ahead)
                raise
            expected = max(expected, page.total_count)
            if expected > most_expected:
                _drop(ahead)
                raise UnexpectedAnswer(doing="reading a list that grows without end", status=200)
            offset += len(page.views)
            if len(page.views) != step:
                _drop(ahead)
                step = len(page.views)


def _drop(ahead: deque[Future[P]]) -> None:
    """Leave what was asked for ahead; what is under way already ends by itself."""
    for future in ahead:
        future.cancel()
    ahead.clear()
