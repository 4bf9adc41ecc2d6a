"""Digest: tell the operators by e-mail what happened since the last time, in one mail rather than many.

What counts as told is the audit entry of the mail, so a mail that could not be sent is made up for by the next.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.audit.words import Headline, Topic
from accounts_review.models import Account, AuditEntry, Case, Exemption, Sync, Workspace, people_who_may
from accounts_review.wording import findings, instants, objections, reasons
from accounts_review.wording.numbers import counted
from accounts_review.workflow.notify.emails import isolated, one_line
from accounts_review.workflow.notify.news import News, news
from accounts_review.workflow.notify.resolved import ENDED_BY, STATES, unresolved
from accounts_review.workflow.notify.smtp import MailRefusal, deliver, one_by_one

log = structlog.get_logger(__name__)

KIND = Event.DIGEST_SENT
BEFORE_LAPSE = timedelta(days=14)
WORTH_TELLING = tuple(event for event in Event if event.words.news)
ENDING = tuple({event for ends in ENDED_BY.values() for event in ends} - set(WORTH_TELLING))
LONGEST_SENTENCE = 500
PRESSING = 2
"""News that press no less than this want a person; the others are for information."""


def send_digest(*, workspace: Workspace, now: datetime) -> int:
    """Mail what happened since the last digest to everyone who may operate; returns to how many.

    Nothing to tell, or nobody to tell it: nothing is sent. One address that does not work keeps the news from nobody
    else; where no mail gets through, nothing is recorded, and the next digest tells it all.
    """
    recipients = [person.email for person in people_who_may("operate", workspace).exclude(email="")]
    if not recipients:
        return 0
    with override(workspace.language):
        items = _items(workspace)
        if not items:
            return 0
        pressing = [item for item in items if item[0] <= PRESSING]
        context = {
            "groups": [(_("Needs you"), pressing), (_("For information"), items[len(pressing) :])],
            "url": _address("overview", workspace),
            "checkpoint": audit.newest_checkpoint(),
        }
        subject = _("%(workspace)s: %(first)s") % {"workspace": workspace.name, "first": items[0][1]}
        written = news("digest", context, subject=subject, workspace=workspace)
    told = len(sent([written.to(address) for address in recipients]))
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
        if not sent([_lapse(exemption).to(exemption.owner_email)]):
            continue
        with transaction.atomic():
            Exemption.objects.filter(pk=exemption.pk).update(owner_told_at=now)
            data = {"owner": exemption.owner_email, "until": exemption.until.isoformat()}
            audit.log([exemption.account], kind=Event.ACCOUNT_OWNER_TOLD, actor="portal", now=now, data=data)
        told += 1
    return told


def _lapse(exemption: Exemption) -> News:
    account = exemption.account
    with override(account.workspace.language):
        context = {
            "exemption": exemption,
            "username": isolated(one_line(account.username)),
            "reason": one_line(reasons.told(exemption.reason), longest=LONGEST_SENTENCE),
            "url": _account_address(account),
        }
        values = {"username": context["username"], "date": instants.promised(exemption.until)}
        subject = _("The exemption of %(username)s ends on %(date)s") % values
        return news("lapse", context, subject=subject, workspace=account.workspace)


def sent(mails: list[EmailMessage]) -> list[int]:
    """Hand mails to people of the portal to the mail server; returns the places of those that it took."""
    taken = []

    def act(place: int, through: BaseEmailBackend) -> str | MailRefusal:
        answer = deliver(mails[place], through=through)
        if isinstance(answer, MailRefusal):
            log.warning("news could not be delivered", to=mails[place].to, why=answer.why or answer.code)
            return answer
        taken.append(place)
        return "sent"

    run = one_by_one(range(len(mails)), act)
    if run.error:
        log.error("mails stopped", error=run.error)
    return taken


def _items(workspace: Workspace) -> list[tuple[int, str, str]]:
    """How much each presses, sentences, and the address of what each is about; what is most pressing first.

    What was over before the mail leaves is not told.
    """
    last = AuditEntry.objects.of(workspace).filter(kind=KIND).values_list("seq", flat=True).first() or 0
    entries = list(AuditEntry.objects.of(workspace).filter(seq__gt=last, kind__in=(*WORTH_TELLING, *ENDING)))
    by_kind: dict[str, list[AuditEntry]] = {}
    for entry in unresolved(entries, workspace=workspace):
        by_kind.setdefault(entry.kind, []).append(entry)
    about = (_about_acts, _about_cases, _about_syncs, _about_mail)
    found = sorted(item for tell in about for item in tell(workspace, by_kind))
    return [(urgency, one_line(sentence, longest=LONGEST_SENTENCE), address) for urgency, sentence, address in found]


def _about_acts(workspace: Workspace, by_kind: dict[str, list[AuditEntry]]) -> list[tuple[int, str, str]]:
    found = []
    for event in (found for found in WORTH_TELLING if found.group in (Topic.CLEANUP, Topic.HOLD, Topic.CHECKPOINT)):
        for entry in by_kind.get(event, []):
            values = {"why": "", "reason": ""} | entry.details | {"number": entry.cleanup, "actor": entry.actor}
            values["why"] = findings.in_words(values["why"]).said
            page = (
                _address("cleanup", workspace, number=entry.cleanup) if entry.cleanup else _address("audit", workspace)
            )
            found.append((_news(event).urgency, _news(event).clause % counted(values), page))
    return found


def _about_cases(workspace: Workspace, by_kind: dict[str, list[AuditEntry]]) -> list[tuple[int, str, str]]:
    """Each kind of event of each clean-up, with its cases; a single one leads to the case itself."""
    found = []
    for event in (event for event in WORTH_TELLING if event.group is Topic.CASE and event in by_kind):
        together: dict[int | None, list[AuditEntry]] = {}
        for entry in by_kind[event]:
            together.setdefault(entry.cleanup, []).append(entry)
        for number, entries in sorted(together.items(), key=lambda pair: pair[0] or 0):
            count = len({entry.account_id or entry.seq for entry in entries})
            sentence = _("clean-up %(number)s: %(news)s") % {
                "number": number,
                "news": _news(event).clause % counted({"count": count}),
            }
            found.append((_news(event).urgency, sentence, _page_of(workspace, event, entries)))
    return found


def _page_of(workspace: Workspace, event: Event, entries: list[AuditEntry]) -> str:
    """The case, where it is one; else those cases of the clean-up that stand as the event says."""
    first = entries[0]
    cases = Case.objects.filter(cleanup__workspace=workspace, cleanup__number=first.cleanup or 0)
    keys = list(cases.filter(account__in={entry.account_id for entry in entries}).values_list("pk", flat=True))
    if len(keys) == 1:
        return _address("case", workspace, number=first.cleanup, pk=keys[0])
    if first.cleanup is None:
        return _address("cleanups", workspace)
    state = f"?state={STATES[event]}" if event in STATES else ""
    return _address("cleanup", workspace, number=first.cleanup) + f"{state}#cases"


def _news(event: Event) -> Headline:
    assert event.words.news
    return event.words.news


def _about_syncs(workspace: Workspace, by_kind: dict[str, list[AuditEntry]]) -> list[tuple[int, str, str]]:
    entries = by_kind.get(Event.WORKSPACE_SYNCED, [])
    url = _sync_page(workspace)
    if any(entry.data.get("state") == "quarantined" for entry in entries):
        return [(0, _("a sync looked wrong and is quarantined; nobody is removed until you have checked it"), url)]
    failed = [entry for entry in entries if entry.data.get("state") != "complete"]
    news = _news(Event.WORKSPACE_SYNCED)
    return [(news.urgency, news.clause % counted({"count": len(failed)}), url)] if failed else []


def _sync_page(workspace: Workspace) -> str:
    """The newest sync that was not good, or the list of them."""
    bad = workspace.syncs.exclude(state__in=(Sync.State.COMPLETE, Sync.State.RUNNING)).first()
    return _address("sync_page", workspace, pk=bad.pk) if bad else _address("syncs", workspace)


def _about_mail(workspace: Workspace, by_kind: dict[str, list[AuditEntry]]) -> list[tuple[int, str, str]]:
    url = _address("emails", workspace)
    stopped, resumed = _news(Event.MAIL_STOPPED), _news(Event.MAIL_RESUMED)
    stops = by_kind.get(Event.MAIL_STOPPED, [])
    found = [(stopped.urgency, stopped.clause % {"why": _stop(stops[0])}, url)] if stops else []
    if Event.MAIL_RESUMED in by_kind:
        found.append((resumed.urgency, str(resumed.clause), url))
    return found


def _stop(entry: AuditEntry) -> str:
    return objections.mail_stop(entry.details.get("code", ""), entry.details.get("reply", ""))


def _account_address(account: Account) -> str:
    return _address("account", account.workspace, pk=account.pk)


def _address(page: str, workspace: Workspace, **kwargs: object) -> str:
    return f"{settings.PUBLIC_URL}{reverse(page, kwargs={'workspace': workspace.name, **kwargs})}"
