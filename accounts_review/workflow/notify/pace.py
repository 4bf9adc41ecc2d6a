"""The pace: when e-mails may be sent, and how many within an hour. Pure: settings and clock are passed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from math import ceil

from accounts_review.rules.calendar import Avoided

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONGEST = timedelta(days=2 * 365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How e-mails are spread: so many in any hour (0: no limit), within hours and weekdays of a time zone.

    ``hours`` are from the first to before the last of the day, ``weekdays`` from the first to the last, Monday being 1.
    """

    per_hour: int = 0
    hours: tuple[int, int] = (0, 24)
    weekdays: tuple[int, int] = (1, 7)
    zone: tzinfo = UTC
    avoid: Avoided = field(default_factory=Avoided)
    """Days that the clean-up's policy avoids as well."""

    def is_open(self, now: datetime) -> bool:
        """Whether e-mails may be sent at this instant."""
        local = now.astimezone(self.zone)
        return self._is_day(local.date()) and self.hours[0] <= local.hour < self.hours[1]

    def waves(self, count: int, now: datetime, sent: Sequence[datetime] = ()) -> list[tuple[date, int]]:
        """The days on which so many e-mails are sent, from now on, and how many on each.

        ``sent`` are the instants of those that left within the last hour, the oldest first: they count in the limit
        until an hour has passed. Fewer than ``count`` in all where they are not sent within :data:`LONGEST`, if ever.
        """
        day, waves = now.astimezone(self.zone).date(), list[tuple[date, int]]()
        last, room = day + LONGEST, self._room_today(now, sent)
        while count > 0 and day < last:
            if wave := min(count, count if room is None else room):
                waves.append((day, wave))
            count, day = count - wave, day + DAY
            room = self._room(day)
        return waves

    def when(self, place: int, now: datetime, sent: Sequence[datetime] = ()) -> datetime | None:
        """When an e-mail may leave that stands behind ``place`` others; ``None`` if not within :data:`LONGEST`."""
        waves = self.waves(place + 1, now, sent)
        if sum(count for _day, count in waves) <= place:
            return None
        day, count = waves[-1]
        is_today = day == now.astimezone(self.zone).date()
        if not self.per_hour:
            return max(now, self._at(day, self.hours[0]))
        rounds, slot = divmod(count - 1, self.per_hour)
        return (self._slots(now, sent)[slot] if is_today else self._at(day, self.hours[0])) + rounds * HOUR

    def first_day(self, day: date) -> date | None:
        """The day itself, or the first after it on which e-mails leave; ``None`` where none is within two weeks."""
        return next((each for number in range(15) if self._is_day(each := day + number * DAY)), None)

    def _room_today(self, now: datetime, sent: Sequence[datetime]) -> int | None:
        today = now.astimezone(self.zone).date()
        if not self.per_hour:
            return self._room(today) if now < self._at(today, self.hours[1]) else 0
        if not self._is_day(today):
            return 0
        end = self._at(today, self.hours[1])
        return sum(max(0, ceil((end - free) / HOUR)) for free in self._slots(now, sent))

    def _room(self, day: date) -> int | None:
        """How many may leave on a whole day; ``None`` for any number."""
        if not self._is_day(day):
            return 0
        return self.per_hour * (self.hours[1] - self.hours[0]) if self.per_hour else None

    def _slots(self, now: datetime, sent: Sequence[datetime]) -> list[datetime]:
        """For each e-mail of the hour, when today its place is free again, the first to be free first."""
        begin = max(now, self._at(now.astimezone(self.zone).date(), self.hours[0]))
        taken = sent[-self.per_hour :]
        return [begin] * (self.per_hour - len(taken)) + [max(begin, at + HOUR) for at in taken]

    def _at(self, day: date, hour: int) -> datetime:
        return datetime.combine(day, time.min, self.zone) + timedelta(hours=hour)

    def _is_day(self, day: date) -> bool:
        return self.weekdays[0] <= day.isoweekday() <= self.weekdays[1] and not self.avoid.why(day)
