"""What people decided on accounts, by the audit: so that nobody decides over another's decision unseen."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db.models import F
from django.utils.timezone import localtime

from accounts_review.audit.events import DECISIONS, named
from accounts_review.models import AuditEntry, Workspace
from accounts_review.models.keys import Among
from accounts_review.models.prepared import Prepared
from accounts_review.wording import instants

MOST = 20_000
"""So many of the newest decisions are looked at: two for each account that one act can be about."""

_NEWEST = Prepared(
    lambda workspace: AuditEntry._base_manager.filter(workspace=workspace).order_by("-seq").values_list("seq")[:1],
    workspace=str,
)
_ABOUT = Prepared(
    lambda keys, seen: (
        # That many of the newest entries are one's own, a portion ago, is not known to the database's statistics: by
        # their numbers it would read all of them for each portion.
        AuditEntry._base_manager.filter(account_id__in=Among(keys))
        .alias(number=F("seq") + 0)
        .filter(number__gt=seen)
        .values_list("seq")
    ),
    keys=list,
    seen=int,
)


def newest(workspace: Workspace) -> int:
    """The number of the newest audit entry: whoever has seen the list as it is now knows all up to it."""
    found = [seq for name in workspace.names for (seq,) in _NEWEST.rows(workspace=name)]
    return max(found, default=0)


def decided_since(
    seen: int, *, workspaces: Iterable[Workspace], besides: User, accounts: Iterable[int] | None = None
) -> dict[int, AuditEntry]:
    """What others decided last, after an entry, on each account (by key); of all accounts, or of some."""
    found: dict[int, AuditEntry] = {}
    entries = AuditEntry.objects.of(*workspaces).filter(seq__gt=seen, kind__in=DECISIONS)
    if accounts is not None:
        about = [seq for (seq,) in _ABOUT.rows(keys=list(accounts), seen=seen)]
        if not about:
            return found
        entries = entries.filter(seq__in=Among(about))
    newest = entries.exclude(account_id=None).exclude(actor_ref__name=besides.get_username()).order_by("-seq")
    for entry in reversed(newest.defer("data", "personal__details")[:MOST]):
        assert entry.account_id is not None
        # An act that has more than one entry is what its first one says.
        if entry.account_id not in found or found[entry.account_id].at != entry.at:
            found[entry.account_id] = entry
    return found


def said_of(entry: AuditEntry) -> str:
    """A decision on an account, with who took it and when, as a clause."""
    at = instants.dated(localtime(entry.at), "j M Y, H:i")
    return str(named(entry.kind).words.decision) % {"login": entry.actor, "at": at}
