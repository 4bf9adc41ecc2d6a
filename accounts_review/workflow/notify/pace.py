"""The pace: when e-mails may be sent, and how many within an hour. Pure: settings and clock are passed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo

from accounts_review.rules.calendar import Avoided

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

    def waves(self, count: int, now: datetime) -> list[tuple[date, int]]:
        """The days on which so many e-mails are sent, from now on, and how many on each.

        Fewer than ``count`` in all where they are not sent within :data:`LONGEST`, if ever.
        """
        local = now.astimezone(self.zone)
        day, first, waves = local.date(), local.hour, list[tuple[date, int]]()
        last = day + LONGEST
        while count > 0 and day < last:
            hours = max(0, self.hours[1] - max(first, self.hours[0])) if self._is_day(day) else 0
            wave = min(count, self.per_hour * hours) if self.per_hour else count * bool(hours)
            if wave:
                waves.append((day, wave))
            count, day, first = count - wave, day + timedelta(days=1), 0
        return waves

    def _is_day(self, day: date) -> bool:
        return self.weekdays[0] <= day.isoweekday() <= self.weekdays[1] and not self.avoid.why(day)
