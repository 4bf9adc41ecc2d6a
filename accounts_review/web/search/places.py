"""The pages one can go to and the things one can do there, by their names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts_review.models import Cleanup, Workspace, may, may_somewhere
from accounts_review.rules.lifecycle import CleanupState

MOST = 12


@dataclass(frozen=True, slots=True)
class SearchPlace:
    """Somewhere to go."""

    title: str
    url: str
    workspace: str = ""


def find(term: str, *, user: User, workspaces: list[Workspace]) -> list[SearchPlace]:
    """Where a person may go whose name holds every word of the term; without a term, everything there is."""
    words = folded(term).split()
    standing = Cleanup.objects.filter(workspace__in=workspaces, state=CleanupState.DRAFT)
    drafts = dict(standing.values_list("workspace", "number"))
    of_workspaces = (_of_workspace(user, each, draft=drafts.get(each.pk)) for each in workspaces)
    places = [*chain.from_iterable(of_workspaces), *_of_portal(user)]
    return [place for place in places if all(word in folded(place.title) for word in words)][:MOST]


def folded(text: str) -> str:
    """A text as it is compared: without capitals and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def _of_workspace(user: User, workspace: Workspace, *, draft: int | None) -> Iterator[SearchPlace]:
    def place(title: str, page: str, query: str = "", **kwargs: object) -> SearchPlace:
        url = reverse(page, kwargs={"workspace": workspace.name, **kwargs})
        return SearchPlace(title, url + query, workspace.name)

    yield place(_("Overview"), "overview")
    yield place(_("Review"), "review")
    yield place(_("Clean-ups"), "cleanups")
    yield place(_("Revoked"), "revoked")
    yield place(_("Policy"), "policy")
    yield place(_("Try another limit"), "overview", "#idleness")
    yield place(_("Run the back-test"), "backtest")
    yield place(_("E-mails"), "emails")
    yield place(_("Audit"), "audit")
    yield place(_("Syncs"), "syncs")
    if may(user, "decide", workspace):
        yield place(_("Import decisions"), "import")
    if draft:
        yield place(_("Draft"), "cleanup", number=draft)
        if may(user, "operate", workspace):
            yield place(_("Launch the draft"), "launch", number=draft)
    if may(user, "administer", workspace):
        yield place(_("Settings"), "settings")
        yield place(_("People of the workspace"), "people_of_workspace")


def _of_portal(user: User) -> Iterator[SearchPlace]:
    yield SearchPlace(_("Start a sync"), reverse("workspaces"))
    yield SearchPlace(_("Check the connection"), reverse("workspaces"))
    yield SearchPlace(_("Workspaces"), reverse("workspaces"))
    yield SearchPlace(_("Schedule"), reverse("schedule"))
    yield SearchPlace(_("Hold everything"), reverse("hold"))
    yield SearchPlace(_("Documentation"), reverse("docs"))
    if may_somewhere(user, "administer"):
        yield SearchPlace(_("People"), reverse("people"))
    if may(user, "administer", None):
        yield SearchPlace(_("Add a workspace"), reverse("new_workspace"))
    yield SearchPlace(_("Profile"), reverse("profile"))
    yield SearchPlace(_("Keyboard shortcuts"), reverse("profile") + "#shortcuts")
    yield SearchPlace(_("Help"), reverse("profile") + "#help")
