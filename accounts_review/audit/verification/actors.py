"""Could whoever an entry names have done it? Roles are followed through the audit itself."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from accounts_review.audit.events import Event
from accounts_review.audit.verification.flaws import Flaw
from accounts_review.models import ROLES, AuditEntry, Role, Workspace
from accounts_review.models.streaming import streamed

PROGRAMS = frozenset({"portal", "shell", "the person"})
"""Who acts without a login: the portal itself, the command line, and whoever answers a notice."""

_ROLES_CHANGE = (Event.PERSON_ADDED, Event.ROLE_GRANTED, Event.PERSON_DEACTIVATED)
_CHANGES = (*_ROLES_CHANGE, Event.WORKSPACE_RENAMED)
_ACTS = {
    "decide": (
        *(Event.ACCOUNT_APPROVED, Event.ACCOUNT_EXEMPTED, Event.ACCOUNT_EXEMPTION_WITHDRAWN, Event.ACCOUNT_SNOOZED),
        *(Event.ACCOUNT_UNSNOOZED, Event.ACCOUNT_WITHDRAWN, Event.DECISIONS_IMPORTED),
        *(Event.DECISIONS_CONFIRMED, Event.DECISIONS_ENDED),
    ),
    "operate": (
        *(Event.CLEANUP_LAUNCHED, Event.CLEANUP_CONFIRMED, Event.CLEANUP_PAUSED, Event.CLEANUP_RESUMED),
        *(Event.CLEANUP_CANCELLED, Event.CASE_LAUNCHED, Event.ACCOUNT_RESTORING, Event.ACCOUNT_RESTORED),
    ),
    "administer": (
        *(Event.POLICY_ADOPTED, Event.BREAKER_RESET, Event.CHECKPOINT_RESET, Event.HOLD_RELEASED),
        *(Event.WORKSPACE_ADDED, Event.WORKSPACE_CONNECTION_CHANGED, Event.WORKSPACE_MODE_SET),
        *(Event.WORKSPACE_HOST_CHANGED, Event.WORKSPACE_RETIRED, Event.ROLE_GRANTED, Event.PERSON_ADDED),
    ),
    "read": (Event.HOLD_PLACED, Event.AUDIT_EXPORTED, Event.ACCOUNTS_EXPORTED, Event.CLEANUP_EXPORTED),
}
NEEDS = {event.value: act for act, events in _ACTS.items() for event in events}
"""What somebody has to be permitted for an event; of others only that they exist is asked."""

EVERYWHERE = ""

Held = dict[str, dict[str, str]]
"""By login: the role in each workspace, and under :data:`EVERYWHERE` that in the whole portal."""


def check_actors(*, most: int = 20) -> list[Flaw]:
    """Entries whose actor did not exist or had no role for it then; and roles that nobody gave."""
    held: Held = defaultdict(dict)
    superusers, logins = _superusers()
    flaws: list[Flaw] = []
    changes = deque(AuditEntry.objects.filter(kind__in=_CHANGES).order_by("seq"))
    permitted: set[_Act] = set()  # Until somebody's role changes.
    for seq, *row in _acts():
        while changes and changes[0].seq < int(seq):
            _follow(held, changes.popleft())
            permitted.clear()
        act = _Act(*row)
        if act in permitted or act.actor in superusers:
            continue
        problem = _objection(held, act, logins)
        if not problem:
            permitted.add(act)
        elif len(flaws) < most:
            flaws.append(Flaw(int(seq), problem, act.kind))
    for change in changes:
        _follow(held, change)
    return flaws + _given_beside(held, superusers)[:most]


def role_then(login: str, entry: AuditEntry) -> str:
    """The role that somebody had in an entry's workspace when it was written, as the record tells; "" for none."""
    held: Held = defaultdict(dict)
    changes = AuditEntry.objects.filter(kind__in=_CHANGES, seq__lt=entry.seq).order_by("seq")
    for change in changes.iterator(chunk_size=2000):
        _follow(held, change)
    roles = held.get(login, {})
    return roles.get(entry.workspace) or roles.get(EVERYWHERE) or ""


class _Act(NamedTuple):
    """What somebody needs a role for."""

    actor: str
    workspace: str
    kind: str


def _acts() -> Iterator[tuple[Any, ...]]:
    """What people did, as bare rows: the number and what makes an :class:`_Act`; they are most of the audit."""
    people = AuditEntry._base_manager.exclude(actor_ref__name__in=[*PROGRAMS, ""])
    return streamed(people.order_by("seq").values_list("seq", "actor_ref__name", "workspace", "kind"))


def _superusers() -> tuple[set[str], set[str]]:
    """Logins of those who pass all, now or until a role was given instead; and of all there are."""
    before = AuditEntry.objects.filter(kind=Event.ROLE_GRANTED, data__before="superuser").select_related("personal")
    former = {str(entry.details.get("login", "")) for entry in before}
    known = dict(User.objects.values_list("username", "is_superuser"))
    return former | {login for login, is_one in known.items() if is_one}, set(known)


def _objection(held: Held, entry: _Act, logins: set[str]) -> str:
    roles, act = held.get(entry.actor), NEEDS.get(entry.kind)
    if roles is None and entry.actor not in logins:
        return _("there was nobody called %(login)s") % {"login": entry.actor}
    if act is None:
        return ""
    given = {(roles or {}).get(entry.workspace), (roles or {}).get(EVERYWHERE)}
    if any(act in ROLES.get(role or "", ()) for role in given):
        return ""
    return _("%(login)s had no role for it then") % {"login": entry.actor}


def _follow(held: Held, entry: AuditEntry) -> None:
    """Keep up with who has which role."""
    if entry.kind == Event.WORKSPACE_RENAMED:
        for roles in held.values():
            if (role := roles.pop(str(entry.data.get("from")), None)) is not None:
                roles[str(entry.data.get("to"))] = role
        return
    login = str(entry.details.get("login", ""))
    if entry.kind not in _ROLES_CHANGE or not login:
        return
    if entry.kind == Event.PERSON_DEACTIVATED:
        held[login] = {}
        return
    if entry.kind == Event.PERSON_ADDED:
        held[login] = {}  # Whoever is added anew has no other role.
    where = EVERYWHERE if entry.data.get("kind") == "portal" else entry.workspace
    held[login][where] = str(entry.data.get("role", ""))


def _given_beside(held: Held, superusers: set[str]) -> list[Flaw]:
    """Roles that stand in the table, and that the record does not tell of; to a superuser they add nothing."""
    names = {workspace.pk: workspace.names for workspace in Workspace.objects.all()}
    flaws = []
    roles = Role.objects.exclude(person__username__in=superusers).select_related("person")
    for role in roles.order_by("pk"):
        places = [EVERYWHERE] if role.workspace_id is None else names[role.workspace_id]
        told = {held.get(role.person.username, {}).get(place) for place in places}
        if role.name not in told:
            clause = _("%(login)s is %(role)s, and the audit does not say who made them so")
            flaws.append(Flaw(0, clause % {"login": role.person.username, "role": role.name}, row=f"role {role.pk}"))
    return flaws
