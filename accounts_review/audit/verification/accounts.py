"""Are accounts still what was read of them, as far as the audit speaks of them?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts_review.audit.events import Event
from accounts_review.audit.verification.flaws import Flaw
from accounts_review.huwise import decode_user, digest_of
from accounts_review.huwise.errors import HuwiseError
from accounts_review.models import Account, AuditEntry, PersonalData

_COLUMNS = ("email", "display_name", "first_name", "last_name", "account_type")
_GONE = (Event.CASE_REVOKED, Event.CASE_ALREADY_GONE)


class _Read(NamedTuple):
    """What is looked at of an account."""

    pk: int
    raw: str
    digest: str
    username: str
    groups: list[str]
    email: str
    display_name: str
    first_name: str
    last_name: str
    account_type: str


def check_accounts(*, most: int = 20) -> list[Flaw]:
    """Accounts whose columns are not those of their record, who are gone without an entry, or are called otherwise."""
    flaws = []
    for flaw in (*_unlike_their_record(), *_gone_without_entry(), *_renamed(), *_erased_without_entry()):
        flaws.append(flaw)
        if len(flaws) >= most:
            break
    return flaws


def _unlike_their_record() -> Iterator[Flaw]:
    accounts = Account.objects.exclude(digest="").exclude(raw="").order_by("pk").values_list(*_Read._fields)
    for row in accounts.iterator(chunk_size=2000):
        account = _Read(*row)
        if problem := _problem(account):
            yield Flaw(0, problem, row=f"account {account.pk}")


def _problem(account: _Read) -> str:
    # A record with characters that no column takes is stored without them, and has another digest.
    is_exact = "\ufffd" not in account.raw
    if is_exact and digest_of(account.raw.encode()).hex() != account.digest:
        return _("its record is not the one that was read")
    try:
        user = decode_user(account.raw)
    except HuwiseError:
        return ""
    for name in _COLUMNS:
        if getattr(user, name) != getattr(account, name):
            return _("%(column)s is not as in the record that was read") % {"column": name}
    if list(user.groups or ()) != account.groups:
        return _("%(column)s is not as in the record that was read") % {"column": "groups"}
    return "" if user.username in (account.username, "") else _("its username is not that of the record")


def _gone_without_entry() -> Iterator[Flaw]:
    told = AuditEntry._base_manager.filter(account_id=OuterRef("pk"), kind__in=_GONE)
    for pk in Account.objects.exclude(gone_at=None).exclude(Exists(told)).values_list("pk", flat=True)[:20]:
        yield Flaw(0, _("it is marked as gone, and the audit has no record of it"), row=f"account {pk}")


def _renamed() -> Iterator[Flaw]:
    """Accounts whose name is not the one that entries know them by."""
    named = PersonalData.objects.filter(account_id=OuterRef("pk"), erased_at=None).exclude(name="")
    others = Account.objects.filter(Exists(named)).exclude(Exists(named.filter(name=OuterRef("username"))))
    for pk in others.values_list("pk", flat=True)[:20]:
        yield Flaw(0, _("entries know it by another username"), row=f"account {pk}")


def _erased_without_entry() -> Iterator[Flaw]:
    """Personal data that were erased beside the portal."""
    entries = AuditEntry._base_manager.filter(kind=Event.PERSON_ERASED).values_list("data", flat=True)
    told = {datetime.fromisoformat(data["erased_at"]) for data in entries}
    erased = PersonalData.objects.exclude(erased_at=None).values_list("erased_at", flat=True).order_by().distinct()
    for at in erased:
        if at not in told:
            clause = _("personal data were erased on %(at)s, and the audit has no record of it")
            yield Flaw(0, clause % {"at": f"{at:%Y-%m-%d %H:%M:%S}"}, row="personal data")
