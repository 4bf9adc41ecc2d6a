"""Digest: tell the operators by e-mail what happened since the last time, in one mail rather than many.

What counts as told is the audit entry of the mail, so a mail that could not be sent is made up for by the next.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts_review import audit
from accounts_review.models import Account, AuditEntry, Exemption, Workspace, may
from accounts_review.wording import verdicts
from accounts_review.workflow.notify.smtp import Refusal, deliver, one_by_one

log = structlog.get_logger(__name__)

KIND = "digest.sent"
BEFORE_LAPSE = timedelta(days=14)
WORTH_TELLING = (
    "workspace.synced",
    "cleanup.launched",
    "cleanup.stopped",
    "cleanup.closed",
    "case.held_for_a_day",
    "case.undeliverable",
    "case.refused",
    "case.unknown",
)


def send_digest(*, workspace: Workspace, now: datetime) -> int:
    """Mail what happened since the last digest to everyone who may operate; returns to how many.

    Nothing to tell, or nobody to tell it: nothing is sent. One address that does not work keeps the news from nobody
    else; where no mail gets through, nothing is recorded, and the next digest tells it all.
    """
    recipients = [user.email for user in User.objects.filter(is_active=True).exclude(email="") if may(user, "operate")]
    with override(workspace.language):
        items = _items(workspace)
        if not items or not recipients:
            return 0
        context = {"items": items, "workspace": workspace, "url": _address("overview", workspace), "seal": audit.head()}
        body = render_to_string("emails/digest/body.txt", context)
        subject = _("%(workspace)s: %(first)s") % {"workspace": workspace.name, "first": items[0][0]}
    mails = [EmailMessage(subject=" ".join(subject.split()), body=body, to=[address]) for address in recipients]
    told = len(_sent(mails))
    if told:
        audit.log([workspace], kind=KIND, actor="portal", now=now, data={"items": len(items), "recipients": told})
    return told


def tell_owners(*, workspace: Workspace, now: datetime) -> int:
    """Mail the owners of exemptions that lapse within two weeks, each once; returns how many mails went out.

    What is not confirmed lapses by itself. An owner whose mail does not get through is tried again, and stops no other.
    """
    lapsing = Exemption.objects.in_force(now).filter(
        account__workspace=workspace, until__lte=now + BEFORE_LAPSE, owner_told_at=None
    )
    told = 0
    for exemption in lapsing.exclude(owner_email="").select_related("account__workspace"):
        with override(workspace.language):
            context = {"exemption": exemption, "account": exemption.account, "url": _account_address(exemption.account)}
            body = render_to_string("emails/lapse/body.txt", context)
            values = {"username": exemption.account.username, "date": verdicts.day(exemption.until)}
            subject = _("The exemption of %(username)s ends on %(date)s") % values
        if not _sent([EmailMessage(subject=" ".join(subject.split()), body=body, to=[exemption.owner_email])]):
            continue
        with transaction.atomic():
            Exemption.objects.filter(pk=exemption.pk).update(owner_told_at=now)
            data = {"owner": exemption.owner_email, "until": exemption.until.isoformat()}
            audit.log([exemption.account], kind="account.owner_told", actor="portal", now=now, data=data)
        told += 1
    return told


def _sent(mails: list[EmailMessage]) -> list[int]:
    """Hand mails to the mail server; returns the places of those that it took."""
    taken = []

    def act(place: int, through: BaseEmailBackend) -> str:
        answer = deliver(mails[place], through=through)
        if isinstance(answer, Refusal):
            log.warning("news could not be delivered", to=mails[place].to, why=answer.why)
            return answer.kind
        taken.append(place)
        return "sent"

    _tally, error = one_by_one(range(len(mails)), act)
    if error:
        log.error("mails stopped", error=error)
    return taken


def _items(workspace: Workspace) -> list[tuple[str, str]]:
    """Sentences with the address of the page they lead to, what is most pressing first."""
    last = AuditEntry.objects.filter(workspace=workspace.name, kind=KIND).values_list("seq", flat=True).first() or 0
    entries = list(AuditEntry.objects.filter(workspace=workspace.name, seq__gt=last, kind__in=WORTH_TELLING))
    by_kind: dict[str, list[AuditEntry]] = {}
    for entry in entries:
        by_kind.setdefault(entry.kind, []).append(entry)
    items = [*_about_cleanups(workspace, by_kind), *_about_cases(workspace, by_kind), *_about_syncs(workspace, by_kind)]
    return [(sentence, url) for urgency, sentence, url in sorted(items)]


def _about_cleanups(workspace: Workspace, by_kind: dict[str, list[AuditEntry]]) -> list[tuple[int, str, str]]:
    sentences = {
        "cleanup.stopped": (0, _("clean-up %(number)s stopped: %(why)s")),
        "cleanup.launched": (1, _("clean-up %(number)s was launched by %(actor)s")),
        "cleanup.closed": (3, _("clean-up %(number)s has ended")),
    }
    found = []
    for kind, (urgency, sentence) in sentences.items():
        for entry in by_kind.get(kind, []):
            values = {"number": entry.cleanup, "actor": entry.actor, "why": entry.data.get("why", "")}
            url = _address("cleanup", workspace, number=entry.cleanup)
            found.append((urgency, sentence % values, url))
    return found


def _about_cases(workspace: Workspace, by_kind: dict[str, list[AuditEntry]]) -> list[tuple[int, str, str]]:
    sentences = {
        "case.undeliverable": _("%(count)d warnings could not be delivered; say how to go on"),
        "case.held_for_a_day": _("%(count)d accounts have been held back for a day; look at them"),
        "case.refused": _("%(count)d revocations were refused by the workspace"),
        "case.unknown": _("the outcome of %(count)d revocations was unknown for a while"),
    }
    return [
        (2, sentence % {"count": len(by_kind[kind])}, _address("cleanups", workspace))
        for kind, sentence in sentences.items()
        if kind in by_kind
    ]


def _about_syncs(workspace: Workspace, by_kind: dict[str, list[AuditEntry]]) -> list[tuple[int, str, str]]:
    entries = by_kind.get("workspace.synced", [])
    url = _address("overview", workspace)
    if any(entry.data.get("state") == "quarantined" for entry in entries):
        return [(0, _("a sync looked wrong and was quarantined; nobody is revoked until you have looked"), url)]
    failed = [entry for entry in entries if entry.data.get("state") != "complete"]
    return [(1, _("%(count)d syncs were not complete") % {"count": len(failed)}, url)] if failed else []


def _account_address(account: Account) -> str:
    return _address("account", account.workspace, pk=account.pk)


def _address(page: str, workspace: Workspace, **kwargs: object) -> str:
    return f"{settings.PUBLIC_URL}{reverse(page, kwargs={'workspace': workspace.name, **kwargs})}"
