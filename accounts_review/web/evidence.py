"""What is known of an account and what follows from it, put together for its page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts_review import wording
from accounts_review.dormancy import Facts, Standing, Verdict, valid_instant
from accounts_review.huwise import decode_user
from accounts_review.huwise.facts import facts_of
from accounts_review.models import Account, Group

RightsByGroup = Mapping[str, tuple[str, ...] | None]
LONGEST_RECORD = 20_000
STANDINGS = {
    Standing.ORDINARY: gettext_lazy("ordinary: nothing protects it, and nothing is in doubt"),
    Standing.PROTECTED: gettext_lazy("protected: idle or not, it is never touched"),
    Standing.UNCERTAIN: gettext_lazy("uncertain: a person must look, and it is never revoked"),
}


@dataclass(frozen=True, slots=True)
class DateFact:
    """One date of the record: the field, the value as given, the instant it stands for and how long ago that is."""

    field: str
    label: str
    given: str
    instant: datetime | None
    ago: str
    counts: bool

    @property
    def is_doubtful(self) -> bool:
        return bool(self.given) and self.instant is None


@dataclass(frozen=True, slots=True)
class Right:
    """An effective right and the group that gives it, or "" where it was granted directly."""

    name: str
    via: str


def rights_of(groups: Iterable[Group]) -> dict[str, tuple[str, ...] | None]:
    """What each group grants; ``None`` where its list cannot be read."""
    return {group.uid: None if group.permissions is None else tuple(group.permissions) for group in groups}


def facts_held(account: Account, rights: RightsByGroup) -> Facts:
    """The facts of an account as it was read last."""
    return facts_of(
        decode_user(account.raw),
        rights_by_group=rights,
        key_owner=account.workspace.key_owner,
        read_at=account.read_at,
        incomplete=account.incomplete,
    )


def idleness(account: Account, *, now: datetime) -> str:
    """When it was last active, how long ago that is, and its limit, as a clause."""
    found = account.assessment
    return wording.idleness(
        activity_at=found.activity_at,
        activity_field=found.activity_field,
        limit_days=found.limit_days,
        segment=found.segment,
        now=now,
    )


def reasons_in_force(account: Account) -> list[str]:
    """Why it has its verdict, where that is more than being idle: as clauses, the exemption first."""
    if account.verdict not in (Verdict.PROTECTED, Verdict.UNCERTAIN):
        return []
    exempt = account.exempt_until and account.verdict == Verdict.PROTECTED
    overlay = [wording.exemption(account.exempt_until)] if exempt and account.exempt_until else []
    return overlay + wording.reasons(account.assessment.reasons)


def dates(account: Account, facts: Facts, *, now: datetime) -> list[DateFact]:
    """The three dates that can show activity, each with the field it comes from."""
    known = {
        "joined_at": (_("Joined"), facts.joined_at),
        "last_seen_at": (_("Last seen"), facts.last_seen_at),
        "last_login_at": (_("Last signed in"), facts.last_login_at),
    }
    counted = account.assessment.activity_field if hasattr(account, "assessment") else ""
    return [
        DateFact(
            field=field,
            label=label,
            given="" if given in (None, "") else str(given)[:200],
            instant=(instant := valid_instant(given, read_at=facts.read_at)),
            ago=timesince(instant, now) if instant else "",
            counts=field == counted,
        )
        for field, (label, given) in known.items()
    ]


def effective_rights(facts: Facts, titles: Mapping[str, str]) -> list[Right]:
    """Effective rights by name, with the titles of the groups that give them."""
    return [Right(name, titles.get(uid, uid)) for name, uid in sorted(facts.rights.items())]


def otherwise(account: Account) -> list[str]:
    """What would have to be true for another verdict, as sentences."""
    found, said = account.assessment, []
    if account.verdict == Verdict.ACTIVE:
        after = {
            Standing.ORDINARY: _("Dormant, if it stays idle until %(date)s."),
            Standing.PROTECTED: _("Idle but protected, if it stays idle until %(date)s."),
            Standing.UNCERTAIN: _("Uncertain, if it stays idle until %(date)s."),
        }
        said.append(after[Standing(found.standing)] % {"date": wording.day(found.dormant_from)})
    else:
        said.append(_("Active, as soon as the workspace reports a newer sign of life."))
    if account.exempt_until and account.verdict == Verdict.PROTECTED:
        said.append(
            _("No longer exempt, when the exemption lapses on %(date)s or is withdrawn.")
            % {"date": wording.day(account.exempt_until)}
        )
    if account.verdict != Verdict.ACTIVE and found.standing == Standing.PROTECTED:
        said.append(_("Dormant, only if each of these ended: %(reasons)s.") % _joined(account))
    if account.verdict != Verdict.ACTIVE and found.standing == Standing.UNCERTAIN:
        said.append(_("Dormant, only if each of these doubts were removed: %(reasons)s.") % _joined(account))
    if account.verdict == Verdict.DORMANT:
        said.append(_("Protected, if it gained a protected right or group, or were exempted."))
    return said


def record_for_reading(raw: str) -> tuple[str, bool]:
    """The raw record laid out for people, and whether it was cut."""
    try:
        text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = raw
    return text[:LONGEST_RECORD], len(text) > LONGEST_RECORD


def _joined(account: Account) -> dict[str, str]:
    return {"reasons": "; ".join(wording.reasons(account.assessment.reasons))}
