"""Identity: by which name the portal knows a workspace, on which host it is, and how either is changed.

A new name for a known host would open a second workspace and leave the people of the first, some with a promised date,
to nobody. Another host under a known name could be another workspace altogether. So neither happens by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_slug
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.facts import incarnation_of
from accounts_review.huwise import Client, decode_user
from accounts_review.models import Account, Workspace, permit
from accounts_review.wording.findings import in_words
from accounts_review.wording.numbers import counted
from accounts_review.workflow.check_connection import check_connection

LONGEST_NAME = 50
RESERVED = frozenset({"all"})
Clock = Callable[[], datetime]

FEW = 20
"""So few accounts must all be there again; of more, three may have left meanwhile, or one in a hundred."""

MOST_NEW = 0.2
"""Another host may list so many more accounts: its share of ours."""


class NotTheSame(ValueError):
    """Name or host cannot be changed so; the text says why and what to do."""


def refuse_known(*, name: str, host: str) -> None:
    """Raise ``ImproperlyConfigured`` where a workspace about to be opened is known already, or its name can be none."""
    renamed = Workspace.objects.filter(former_names__contains=[name]).first()
    if renamed is not None:
        raise ImproperlyConfigured(f"The workspace {name} was renamed {renamed}; set HUWISE_WORKSPACE={renamed}.")
    try:
        refuse_name(name, others=Workspace.objects.none())
    except NotTheSame as error:
        raise ImproperlyConfigured(f"HUWISE_WORKSPACE: {error}") from None
    known = Workspace.objects.filter(host=host).exclude(host="").first()
    if known is not None:
        raise ImproperlyConfigured(
            f"HUWISE_WORKSPACE is {name!r}, but {host} is known here as {known}, with its people, its promises and its "
            f"history. Set HUWISE_WORKSPACE={known}; or rename it, with "
            f"`manage.py rename_workspace {known} {name} --actor LOGIN`, and restart the portal."
        )


def refuse_name(name: str, *, others: QuerySet[Workspace]) -> None:
    """Raise :class:`NotTheSame` where a text cannot be the name of a workspace beside these."""
    quoted: dict[str, Any] = {"name": repr(name)}
    try:
        validate_slug(name)
    except ValidationError:
        raise NotTheSame(
            _("%(name)s cannot be a name: use letters, digits, hyphens and underscores.") % quoted
        ) from None
    if len(name) > LONGEST_NAME:
        raise NotTheSame(
            _("%(name)s is too long for a name; at most %(longest)s characters.") % (quoted | {"longest": LONGEST_NAME})
        )
    if name.lower() in RESERVED:
        raise NotTheSame(_("%(name)s means every workspace; choose another name.") % quoted)
    if others.filter(Q(name__iexact=name) | Q(former_names__contains=[name])).exists():
        raise NotTheSame(_("%(name)s is already the name of a workspace, or was; choose another.") % {"name": name})


def refuse_host(host: str, *, others: QuerySet[Workspace]) -> None:
    """Raise :class:`NotTheSame` where another workspace is read from this host."""
    if known := others.filter(host__iexact=host).exclude(host="").first():
        state = "" if known.is_active else f" ({known.state})"
        raise NotTheSame(
            _("%(host)s is known here as %(name)s, with its people and its history; nothing was changed.")
            % {"host": host, "name": f"{known}{state}"}
        )


@transaction.atomic
def rename(*, workspace: Workspace, name: str, actor: User, now: datetime) -> None:
    """Give a workspace another name; the audit's entries under the old one stay its own.

    Raises ``PermissionDenied`` and :class:`NotTheSame`.
    """
    permit(actor, "administer", workspace)
    workspace.refresh_from_db(from_queryset=Workspace.objects.select_for_update(no_key=True))
    # Two that are given one name take turns.
    audit.wait_for_turn()
    before = workspace.name
    refuse_name(name, others=Workspace.objects.exclude(pk=workspace.pk))
    if name == before:
        raise NotTheSame(_("%(name)s is already its name; choose another.") % {"name": name})
    workspace.name = name
    workspace.former_names = [former for former in [*workspace.former_names, before] if former != name]
    workspace.save(update_fields=["name", "former_names"])
    data = {"from": before, "to": name}
    audit.log([workspace], kind=Event.WORKSPACE_RENAMED, actor=actor.get_username(), now=now, data=data)


def change_host(*, workspace: Workspace, client: Client, key_owner: str, actor: User, clock: Clock) -> None:
    """Follow a workspace to the host that the client speaks to, where the same accounts are found there.

    What stopped because the host had changed goes on when a person resumes it. Raises ``PermissionDenied``,
    :class:`NotTheSame` and what the API can cause.
    """
    permit(actor, "administer", workspace)
    before = workspace.read_from
    if client.host == before or not before:
        nothing = _("%(name)s was never read, so it has no host yet; there is nothing to change.")
        if before:
            nothing = _("%(name)s is already read from %(host)s; there is nothing to change.")
        raise NotTheSame(nothing % {"name": workspace, "host": before})
    refuse_host(client.host, others=Workspace.objects.exclude(pk=workspace.pk))
    check = check_connection(workspace=workspace, client=client, key_owner=key_owner, clock=clock)
    faults = [in_words(fault) for fault in check.faults if fault["code"] != "host"]
    if faults:
        raise NotTheSame(_("The connection check found: %(faults)s") % {"faults": " ".join(map(str, faults))})
    data = _compare(workspace, client) | {"from": before, "to": client.host}
    with transaction.atomic():
        workspace.refresh_from_db(from_queryset=Workspace.objects.select_for_update(no_key=True))
        if workspace.host != before:
            raise audit.Conflict(str(workspace))
        workspace.host = client.host
        workspace.save(update_fields=["host"])
        audit.log([workspace], kind=Event.WORKSPACE_HOST_CHANGED, actor=actor.get_username(), now=clock(), data=data)


def _compare(workspace: Workspace, client: Client) -> dict[str, int]:
    """How many of our accounts are listed there, and how many were looked for. Raises :class:`NotTheSame`."""
    ours = set(Account.objects.filter(workspace=workspace).listed().values_list("username", "incarnation"))
    theirs = _accounts_at(client)
    missing = ours - theirs
    may_be_missing = max(3, len(ours) // 100) if len(ours) >= FEW else 0
    if len(missing) > may_be_missing or len(theirs) > len(ours) * (1 + MOST_NEW) + 3:
        numbers = {"host": client.host, "listed": len(theirs), "known": len(ours), "missing": len(missing)}
        raise NotTheSame(
            _(
                "%(host)s is not the same workspace: it lists %(listed)s accounts, and %(missing)s of the %(known)s "
                "known here are not among them%(example)s. Nothing was changed. Check the address; another workspace "
                "needs another name."
            )
            % (counted(numbers) | {"example": f" ({min(missing)[0]})" if missing else ""})
        )
    return {"accounts": len(ours), "found": len(ours) - len(missing)}


def _accounts_at(client: Client) -> set[tuple[str, str]]:
    users = (decode_user(raw) for page in client.users_pages() for raw in page.records)
    return {(user.username, incarnation_of(user)) for user in users}
