"""What needs a person now: the first thing the overview says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts_review.models import Case, Cleanup, Hold, Run, Sync, Workspace
from accounts_review.web.review.filters import DORMANT_ADMINISTRATORS
from accounts_review.wording import findings
from accounts_review.wording import holds as in_sentences

OLD = timedelta(hours=36)
"""Numbers older than this are called old: the sync of a night was missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing to look at, how much it presses, and where to do something about it."""

    level: str
    """``error``, ``warning`` or ``info``, as messages have it."""
    text: str
    link: str
    url: str


def needs(*, workspace: Workspace, last: Sync | None, administrators: int, undecided: int, now: datetime) -> list[Need]:
    """All there is, what presses most first; told how many administrators are dormant, and who awaits a decision."""
    people = _of_people(workspace, administrators=administrators, undecided=undecided)
    cleanups = [*_of_cleanups(workspace), *_of_cases(workspace)]
    found = [*_of_holds(workspace), *_of_worker(now), *_of_mail(), *_of_sync(workspace, last, now), *cleanups, *people]
    return sorted(found, key=lambda need: ("error", "warning", "info").index(need.level))


def _of_holds(workspace: Workspace) -> Iterator[Need]:
    for hold in Hold.objects.open().over(workspace):
        text = _("Everything is held. %(why)s") % {"why": in_sentences.of_hold(hold)}
        yield Need(level="error", text=text, link=_("See the holds"), url=f"{reverse('hold')}?workspace={workspace}")


def _of_worker(now: datetime) -> Iterator[Need]:
    if Run.objects.is_silent(now):
        text = _("No worker has run for some minutes: nothing is synced, sent or revoked.")
        yield Need(level="error", text=text, link=_("See the schedule"), url=reverse("schedule"))


def _of_mail() -> Iterator[Need]:
    last = Run.objects.filter(task="send_emails_job").exclude(finished_at=None).first()
    if last and last.error:
        text = _("Mails could not be sent at the last try: %(error)s") % {"error": last.error}
        yield Need(level="warning", text=text, link=_("See the schedule"), url=reverse("schedule"))


def _of_sync(workspace: Workspace, last: Sync | None, now: datetime) -> Iterator[Need]:
    url, link = reverse("workspaces"), _("Look at the connection")
    if quarantined := workspace.syncs.filter(state="quarantined").first():
        text = _("A sync looked wrong and was set aside: nobody is revoked until an administrator has looked.")
        page = reverse("sync_page", kwargs={"workspace": workspace.name, "pk": quarantined.pk})
        yield Need(level="error", text=text, link=_("Look and decide"), url=page)
    if last is None:
        yield Need(level="error", text=_("The workspace was never read."), link=link, url=url)
    elif last.state == Sync.State.FAILED:
        yield Need(level="error", text=_("The last sync failed; the numbers are older."), link=link, url=url)
    elif last.state == Sync.State.INCOMPLETE:
        text = _("The last sync was not complete: nobody new counts as dormant until one is.")
        yield Need(level="warning", text=text, link=link, url=url)
    elif last.health:
        yield Need(
            level="warning", text=" ".join(findings.in_words(found).said for found in last.health), link=link, url=url
        )
    elif (connection_check := workspace.connection_checks.first()) and connection_check.faults:
        text = " ".join(findings.in_words(fault).said for fault in connection_check.faults)
        yield Need(level="warning", text=text, link=link, url=url)
    elif now - (last.finished_at or last.started_at) > OLD:
        yield Need(level="warning", text=_("The numbers are more than a day and a half old."), link=link, url=url)


def _of_cleanups(workspace: Workspace) -> Iterator[Need]:
    standing = workspace.cleanups.filter(state__in=("draft", "awaiting_confirmation", "running", "paused"))
    for cleanup in standing.annotate(size=Count("cases", filter=Q(cases__state="in_draft"))):
        number, url = cleanup.number, _url(workspace, "cleanup", cleanup)
        if cleanup.state == "paused":
            text = _("Clean-up %(number)d stands still: %(why)s")
            text %= {"number": number, "why": cleanup.stopped_because}
            yield Need(level="error", text=text, link=_("Look at it"), url=url)
        elif cleanup.state == "awaiting_confirmation":
            text = _("Clean-up %(number)d, launched by %(login)s, awaits another person's confirmation.")
            text %= {"number": number, "login": cleanup.launched_by}
            yield Need(level="warning", text=text, link=_("Look and confirm"), url=url)
        elif cleanup.state == "running" and not cleanup.dry_run and not workspace.is_live:
            text = _("Clean-up %(number)d is live and waits, because the workspace was switched to dry run.")
            yield Need(level="warning", text=text % {"number": number}, link=_("Look at it"), url=url)
        elif cleanup.is_draft and (size := getattr(cleanup, "size", 0)):
            text = ngettext(
                "%(count)d approved account waits in the draft.", "%(count)d approved accounts wait in the draft.", size
            )
            yield Need(level="info", text=text % {"count": size}, link=_("See and launch"), url=url)


def _of_cases(workspace: Workspace) -> Iterator[Need]:
    open_cases = Case.objects.filter(cleanup__workspace=workspace, state__in=("undeliverable", "unknown"))
    by_cleanup = open_cases.values_list("cleanup__number", "state").annotate(Count("pk")).order_by("cleanup__number")
    for number, state, count in by_cleanup:
        url = reverse("cleanup", kwargs={"workspace": workspace.name, "number": number}) + f"?state={state}"
        text = (
            ngettext(
                "%(count)d person of clean-up %(number)d could not be warned.",
                "%(count)d people of clean-up %(number)d could not be warned.",
                count,
            )
            if state == "undeliverable"
            else ngettext(
                "The outcome of %(count)d revocation in clean-up %(number)d is unknown.",
                "The outcome of %(count)d revocations in clean-up %(number)d is unknown.",
                count,
            )
        )
        yield Need(level="warning", text=text % {"count": count, "number": number}, link=_("See who"), url=url)


def _of_people(workspace: Workspace, *, administrators: int, undecided: int) -> Iterator[Need]:
    url = reverse("review", kwargs={"workspace": workspace.name})
    if administrators:
        text = ngettext(
            "%(count)s administrator is dormant, with every right and nobody using it.",
            "%(count)s administrators are dormant, with every right and nobody using it.",
            administrators,
        )
        text %= {"count": intcomma(administrators)}
        yield Need(level="warning", text=text, link=_("See who"), url=f"{url}?{DORMANT_ADMINISTRATORS}")
    if undecided:
        text = ngettext(
            "%(count)s dormant account awaits a decision.", "%(count)s dormant accounts await a decision.", undecided
        )
        yield Need(level="info", text=text % {"count": intcomma(undecided)}, link=_("Look and decide"), url=url)


def _url(workspace: Workspace, page: str, cleanup: Cleanup) -> str:
    return reverse(page, kwargs={"workspace": workspace.name, "number": cleanup.number})
