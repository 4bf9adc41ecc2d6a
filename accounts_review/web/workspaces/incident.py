"""A quarantined sync as an incident: what looks wrong in a sentence, before and after as bars, and people to check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from accounts_review.facts import activity_of
from accounts_review.huwise import decode_user
from accounts_review.models import Account, HeldSync, Sync
from accounts_review.rules.dates import is_earlier
from accounts_review.wording import findings
from accounts_review.wording.quotes import joined

WIDTH = 1000
SAMPLES = 10
MOST_READ = 5_000
"""So many of the kept records are looked through for people to show."""
COMPARED = ("population_changed", "candidates_multiplied")


@dataclass(frozen=True, slots=True)
class Bars:
    """A rule's two numbers, as widths of :data:`WIDTH`: before and now, or how many it allows and how many it found."""

    says: str
    before: int
    after: int
    is_change: bool

    @property
    def before_width(self) -> int:
        return self._width(self.before)

    @property
    def after_width(self) -> int:
        return self._width(self.after)

    def _width(self, number: int) -> int:
        return round(WIDTH * number / max(1, self.before, self.after))


@dataclass(frozen=True, slots=True)
class Sample:
    """Somebody whom the sync shows otherwise, with the last activity as accepted and as read now."""

    account: Account
    before: datetime | None
    after: datetime | None
    is_listed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    says: str
    bars: list[Bars]
    samples: list[Sample]


def incident_of(sync: Sync) -> Incident | None:
    """What there is to decide about a sync that tripped the breaker; ``None`` for any other."""
    tripped = sync.anomalies
    if not tripped:
        return None
    held = HeldSync.objects.filter(sync=sync).first()
    return Incident(
        says=joined(findings.of_anomalies(tripped)),
        bars=[_bars(check) for check in tripped],
        samples=_samples(sync, held, {check["code"] for check in tripped}) if held else [],
    )


def _bars(check: dict[str, Any]) -> Bars:
    is_change = check["code"] in COMPARED
    before = check["before"] if is_change else check.get("allowed") or 0
    (says,) = findings.of_anomalies([check])
    return Bars(says, before, check["after"], is_change)


def _samples(sync: Sync, held: HeldSync, codes: set[str]) -> list[Sample]:
    """The first few whom the sync shows as less active; else those whom it does not list."""
    found = list(islice(_less_active(sync, held), SAMPLES))
    return found or (list(islice(_missing(sync, held), SAMPLES)) if "population_changed" in codes else [])


def _less_active(sync: Sync, held: HeldSync) -> Iterator[Sample]:
    users = [decode_user(bytes(raw)) for raw in held.records.order_by("pk").values_list("raw", flat=True)[:MOST_READ]]
    known = Account.objects.filter(workspace=sync.workspace, username__in=[user.username for user in users]).listed()
    stored = {account.username: account for account in known}
    for user in users:
        account = stored.get(user.username)
        if account is None or account.accepted_activity_at is None:
            continue
        after = activity_of(user, read_at=sync.started_at)
        if is_earlier(after, account.accepted_activity_at):
            yield Sample(account, account.accepted_activity_at, after, is_listed=True)


def _missing(sync: Sync, held: HeldSync) -> Iterator[Sample]:
    """Nobody where there are more records than are looked through: each of the others may be listed."""
    records = list(held.records.values_list("raw", flat=True)[: MOST_READ + 1])
    if len(records) > MOST_READ:
        return
    seen = {decode_user(bytes(raw)).username for raw in records}
    others = Account.objects.filter(workspace=sync.workspace).listed().exclude(pk__in=held.unchanged)
    for account in others.exclude(username__in=seen).order_by("pk"):
        yield Sample(account, account.accepted_activity_at, None, is_listed=False)
