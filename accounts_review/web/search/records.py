"""Clean-ups, syncs, audit entries and the portal's own people that a search finds."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts_review.audit import sentences
from accounts_review.models import AuditEntry, Cleanup, PersonalData, Sync, Workspace
from accounts_review.web.search.places import folded
from accounts_review.wording import instants
from accounts_review.workflow.people import reach

MOST = 6
NUMBERED = re.compile(r"(?P<noun>.*?)[\s#]*(?P<number>\d{1,9})")
NOT_A_LETTER = re.compile(r"[\W_]")


@dataclass(frozen=True, slots=True)
class Record:
    """Something with a page of its own."""

    title: str
    url: str
    said: str
    workspace: str


def cleanups(term: str, *, seen: QuerySet[Workspace]) -> list[Record]:
    """Clean-ups by number, or by who launched them."""
    wanted = Q(launched_by__iexact=term) | Q(confirmed_by__iexact=term) | _numbered(term, _("clean-up"), "number")
    found = Cleanup.objects.filter(wanted, workspace__in=seen).select_related("workspace").order_by("-pk")[:MOST]
    return [
        Record(
            title=_("Clean-up %(number)d") % {"number": each.number},
            url=reverse("cleanup", kwargs={"workspace": each.workspace.name, "number": each.number}),
            said=_joined(
                each.get_state_display(), instants.day(each.launched_at) if each.launched_at else "", each.launched_by
            ),
            workspace=each.workspace.name,
        )
        for each in found
    ]


def syncs(term: str, *, seen: QuerySet[Workspace]) -> list[Record]:
    """Syncs by number."""
    numbered = _numbered(term, _("sync"), "pk")
    found = Sync.objects.filter(numbered, workspace__in=seen).select_related("workspace").order_by("-pk")[:MOST]
    return [
        Record(
            title=_("Sync %(number)d") % {"number": each.pk},
            url=reverse("sync_page", kwargs={"workspace": each.workspace.name, "pk": each.pk}),
            said=_joined(each.get_state_display(), _minute(each.started_at)),
            workspace=each.workspace.name,
        )
        for each in found
    ]


def entries(term: str, *, seen: QuerySet[Workspace], accounts: Collection[int]) -> list[Record]:
    """Audit entries by number, by who acted, or about one of the accounts that were found."""
    named = {name: workspace for workspace in seen for name in workspace.names}
    people = PersonalData.objects.filter(name=term).values_list("digest", flat=True)
    here = AuditEntry._base_manager.filter(workspace__in=list(named)).order_by("-seq").values_list("seq", flat=True)
    # Each by an index of its own: asked for all at once, the database reads back until it has met enough of them.
    ways = (Q(account_id__in=accounts), Q(actor_ref__in=list(people)), _numbered(term, _("entry"), "seq"))
    numbers = {number for way in ways for number in here.filter(way)[:MOST]}
    found = AuditEntry.objects.filter(seq__in=numbers).order_by("-seq")[:MOST]
    return [
        Record(
            title=sentences.name_of(entry),
            url=f"{reverse('audit', kwargs={'workspace': named[entry.workspace].name})}?seq={entry.seq}",
            said=_joined(entry.subject, entry.actor, _minute(entry.at)),
            workspace=named[entry.workspace].name,
        )
        for entry in found
    ]


def logins(term: str, *, viewer: User) -> list[Record]:
    """People who sign in here, for an administrator who may know of them."""
    known = User.objects.filter(reach.known_to(viewer)).distinct()
    wanted = Q(username__icontains=term) | Q(email__icontains=term) | Q(first_name__icontains=term)
    found = known.filter(wanted | Q(last_name__icontains=term)).order_by("username")[:MOST]
    return [
        Record(each.get_username(), reverse("person", kwargs={"pk": each.pk}), each.email, workspace="")
        for each in found
    ]


def _numbered(term: str, noun: str, field: str) -> Q:
    """Those with the number that the term is, alone or behind what it counts; nobody where it is none."""
    match = NUMBERED.fullmatch(folded(term))
    if match is None or not _letters(noun).startswith(_letters(match["noun"])):
        return Q(pk__in=[])
    return Q(**{field: int(match["number"])})


def _letters(text: str) -> str:
    return NOT_A_LETTER.sub("", folded(text))


def _joined(*parts: object) -> str:
    return " · ".join(str(part) for part in parts if part)


def _minute(instant: datetime) -> str:
    return instants.dated(localtime(instant), "j M Y, H:i")
