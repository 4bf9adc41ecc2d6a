"""The drawing of a segment by idle time, and the same in numbers, as HTML.

Written here and not in a template, which took ten times as long: there are up to 22 columns for each segment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from accounts_review.rules.dormancy import Verdict
from accounts_review.wording.numbers import counted, grouped

COLUMN_DAYS, COLUMNS = 90, 22
"""A column of the histogram is a quarter of a year; the last holds everybody idle for longer."""
COLUMN_WIDTH, HEIGHT, TALLEST, UNDER = 26, 64, 56, 80
WIDTH = COLUMN_WIDTH * COLUMNS
YEARS = 5
"""So many years stand under the drawing."""
VERDICTS = (Verdict.DORMANT, Verdict.UNCERTAIN, Verdict.PROTECTED, Verdict.ACTIVE)

Columns = Sequence[Counter[str]]
"""How many of each verdict have been idle for how long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of a column, all of one verdict, where it stands in a drawing of whole units."""

    verdict: str
    count: int
    x: int
    y: int
    height: int
    width: int = COLUMN_WIDTH - 3


def blocks(columns: Columns) -> list[Block]:
    """Columns of blocks, dormant ones at the bottom."""
    most = max(1, *(column.total() for column in columns))
    found = []
    for index, column in enumerate(columns):
        top = HEIGHT
        for verdict in VERDICTS:
            if count := column[verdict]:
                height = max(1, round(TALLEST * count / most))
                top -= height
                found.append(
                    Block(verdict=verdict, count=count, x=index * COLUMN_WIDTH + 1, y=max(0, top), height=height)
                )
    return found


def drawing(columns: Columns, *, label: str, limits: Mapping[str, int]) -> SafeString:
    """The columns on their scale, the years under them, what is said of each on hover, and limits as lines by class."""
    most = grouped(max(column.total() for column in columns), get_language())
    lines = (f'<line x1="{x}" y1="0" x2="{x}" y2="66" class="{kind}" />' for kind, x in limits.items())
    parts = [
        f'<svg class="idleness" viewBox="0 0 612 86" role="img" aria-label="{escape(label)}">',
        '<g transform="translate(36 0)">',
        *_scale(most),
        *_drawn(columns),
        *_hovers(columns),
        _years(get_language()),
        *lines,
        "</g>\n</svg>",
    ]
    return mark_safe("\n".join(parts))  # noqa: S308 (escaped there)


def numbers(rows: Iterable[tuple[str, Columns]]) -> SafeString:
    """Rows of a table for each name: how long idle, how many in all, how many dormant."""
    lines = [
        f'<tr><td class="breakable">{escape(name)}</td><td>{escape(span)}</td>'
        f'<td class="text-end numeric">{total}</td><td class="text-end numeric">{dormant}</td></tr>'
        for name, columns in rows
        for _index, span, total, dormant in _said(columns)
    ]
    return mark_safe("\n".join(lines))  # noqa: S308 (escaped above)


def _drawn(columns: Columns) -> Iterator[str]:
    for block in blocks(columns):
        place = f'x="{block.x}" y="{block.y}" width="{block.width}" height="{block.height}"'
        yield f'<rect {place} class="idleness-{block.verdict}" />'


def _hovers(columns: Columns) -> Iterator[str]:
    layout = _("%(span)s: %(total)s accounts, %(dormant)s dormant")
    for index, span, total, dormant in _said(columns):
        said = layout % {"span": span, "total": total, "dormant": dormant}
        place = f'x="{index * COLUMN_WIDTH}" y="0" width="{COLUMN_WIDTH}" height="{HEIGHT}"'
        yield f'<rect {place} class="idleness-hover"><title>{escape(said)}</title></rect>'


@lru_cache
def _years(_language: str | None) -> str:
    """What stands under each drawing."""
    start = escape(pgettext("at the left of an axis of time", "now"))
    parts = [f'<text x="0" y="{UNDER}" class="idleness-year">{start}</text>']
    for count in range(1, YEARS + 1):
        said = ngettext("%(count)s year", "%(count)s years", count) % {"count": count}
        place = f'x="{round(count * 365 / COLUMN_DAYS * COLUMN_WIDTH)}" y="{UNDER}" text-anchor="middle"'
        parts.append(f'<text {place} class="idleness-year">{escape(said)}</text>')
    return "\n".join(parts)


def _scale(most: str) -> Iterator[str]:
    for y, kind in ((8, "grid"), (36, "grid"), (HEIGHT, "ground")):
        yield f'<line x1="0" y1="{y}" x2="{WIDTH}" y2="{y}" class="idleness-{kind}" />'
    for y, number in ((11, most), (67, "0")):
        yield f'<text x="-4" y="{y}" text-anchor="end" class="idleness-year">{number}</text>'


def _said(columns: Columns) -> list[tuple[int, str, str, str]]:
    """Each column with anybody in it: which, how long idle, how many in all, how many dormant."""
    language = get_language()
    return [
        (index, _span(index, language), grouped(total, language), grouped(column[Verdict.DORMANT], language))
        for index, column in enumerate(columns)
        if (total := column.total())
    ]


@lru_cache(maxsize=1_000)
def _span(index: int, _language: str | None) -> str:
    """For how long those of a column have been idle: said of each segment, and twice."""
    start, is_last = index * COLUMN_DAYS, index == COLUMNS - 1
    said = _("%(days)s days and longer") if is_last else _("%(from)s to %(to)s days")
    return said % counted({"from": start, "to": start + COLUMN_DAYS - 1, "days": start})
