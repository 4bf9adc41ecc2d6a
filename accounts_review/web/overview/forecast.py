"""The forecast: how many accounts cross their limit in each of the next twelve months, if they stay idle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlencode

from django.utils.timezone import localtime

from accounts_review.models import Workspace
from accounts_review.rules.dormancy import Verdict
from accounts_review.web.review.counts import crossed
from accounts_review.wording import instants

MONTHS = 12
WIDTH, HEIGHT, GAP = 40, 120, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastBar:
    """A month, how many cross in it, and where its bar stands in a drawing of whole units."""

    label: str
    short: str
    count: int
    first: date
    last: date
    x: int
    y: int
    width: int
    height: int

    @property
    def query(self) -> str:
        """The review's filters that list them."""
        return urlencode({"verdict": Verdict.ACTIVE, "dormant_since": self.first, "dormant_until": self.last})

    @property
    def middle(self) -> int:
        return self.x + self.width // 2

    @property
    def above(self) -> int:
        return self.y - 5


def forecast(*, workspace: Workspace, now: datetime) -> list[ForecastBar]:
    """The rest of this month and the eleven after it. Read from ``dormant_from`` alone."""
    starts = _starts(localtime(now))
    counts = [
        after - before for before, after in pairwise(crossed(workspace, [now + timedelta(microseconds=1), *starts[1:]]))
    ]
    most = max(*counts, 1)
    bars = []
    for index, (start, next_start) in enumerate(pairwise(starts)):
        count = counts[index]
        height = round(HEIGHT * count / most)
        bars.append(
            ForecastBar(
                label=instants.dated(start, "F Y"),
                short=instants.dated(start, "M")[:4].rstrip("."),
                count=count,
                first=start.date(),
                last=(next_start - timedelta(days=1)).date(),
                x=index * (WIDTH + GAP),
                y=HEIGHT - height + 20,
                width=WIDTH,
                height=height,
            )
        )
    return bars


def query_of_all(bars: list[ForecastBar]) -> str:
    """The review's filters that list everyone in the forecast."""
    return urlencode({"verdict": Verdict.ACTIVE, "dormant_until": bars[-1].last})


def _starts(today: datetime) -> list[datetime]:
    """The first instants of this month and of the twelve that follow."""
    first = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [divmod(first.month - 1 + ahead, 12) for ahead in range(MONTHS + 1)]
    return [first.replace(year=first.year + years, month=month + 1) for years, month in months]
