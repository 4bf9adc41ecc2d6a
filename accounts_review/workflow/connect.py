"""Connect: add a workspace that the environment does not describe, or reach one at another address or by another key.

Nothing is stored before the workspace has answered. The key is stored encrypted, and nothing shows it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.huwise import Client
from accounts_review.models import Access, ConnectionCheck, StoredKey, Workspace, permit
from accounts_review.wording.findings import Found, in_words
from accounts_review.workflow import identity
from accounts_review.workflow.check_connection import look
from accounts_review.workflow.identity import NotTheSame
from accounts_review.workflow.people.changes import login_of
from accounts_review.workflow.people.people import keep_administering
from accounts_review.workflow.workspaces import open_workspace, refuse_description

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What people are told of a workspace: each is the portal's own where it is empty."""

    title: str = ""
    contact: str = ""
    sender: str = ""
    language: str = "en"


PLAIN = Description()


def test(*, access: Access, client: Client, clock: Clock) -> list[Found]:
    """What a connection check finds there; nothing is kept."""
    return look(client=client, key_owner=access.key_owner, clock=clock)


def add(
    *,
    name: str,
    access: Access,
    client: Client,
    description: Description = PLAIN,
    actor: User | None,
    clock: Clock,
) -> Workspace:
    """Add a workspace that answers, in dry run and under the default policy. ``actor`` is ``None`` on a shell.

    Raises ``PermissionDenied``, :class:`NotTheSame`, and ``ValueError`` for a description that cannot be used.
    """
    if actor is not None:
        permit(actor, "administer", None)
    refuse_description(asdict(description))
    # Early, so that nothing is sent to a host that is known already; the turn below decides.
    _refuse(name, client.host)
    findings = _answering(test(access=access, client=client, clock=clock))
    now = clock()
    with transaction.atomic():
        audit.wait_for_turn()
        _refuse(name, client.host)
        workspace = open_workspace(name=name, host=client.host, now=now)
        workspace.host = client.host
        for field, value in asdict(description).items():
            setattr(workspace, field, value)
        workspace.save(update_fields=["host", *asdict(description)])
        StoredKey.store(workspace, access, now=now)
        ConnectionCheck.objects.create(workspace=workspace, at=now, findings=findings)
        audit.log([workspace], kind=Event.WORKSPACE_ADDED, actor=login_of(actor), now=now, data={"host": client.host})
        if actor is not None:
            keep_administering(workspace=workspace, actor=actor, now=now)
    return workspace


def reconnect(
    *, workspace: Workspace, access: Access, client: Client, actor: User, clock: Clock, seen: str | None = None
) -> None:
    """Reach a workspace by another key, or at another address where the same accounts are found there.

    A retired one is paused afterwards: a person resumes it. ``seen`` is the stamp of what was stored when they looked.
    Raises ``PermissionDenied``, :class:`NotTheSame`, ``audit.Conflict`` where something else is stored meanwhile, and
    what the API can cause.
    """
    permit(actor, "administer", workspace)
    # Before the host is changed, too, which is an act of its own.
    _refuse_unseen(workspace, seen)
    if workspace.read_from not in ("", client.host):
        identity.change_host(workspace=workspace, client=client, key_owner=access.key_owner, actor=actor, clock=clock)
    findings = _answering(look(client=client, key_owner=access.key_owner, clock=clock, workspace=workspace))
    now = clock()
    with transaction.atomic():
        workspace.refresh_from_db(from_queryset=Workspace.objects.select_for_update(no_key=True))
        audit.wait_for_turn()
        _refuse_unseen(workspace, seen)
        identity.refuse_host(client.host, others=Workspace.objects.exclude(pk=workspace.pk))
        workspace.host = client.host
        if workspace.state == Workspace.State.RETIRED:
            workspace.state = Workspace.State.PAUSED
        workspace.save(update_fields=["host", "state"])
        StoredKey.store(workspace, access, now=now)
        ConnectionCheck.objects.create(workspace=workspace, at=now, findings=findings)
        login, data = actor.get_username(), {"host": client.host}
        audit.log([workspace], kind=Event.WORKSPACE_CONNECTION_CHANGED, actor=login, now=now, data=data)


def _refuse(name: str, host: str) -> None:
    identity.refuse_name(name, others=Workspace.objects.all())
    identity.refuse_host(host, others=Workspace.objects.all())


def _refuse_unseen(workspace: Workspace, seen: str | None) -> None:
    stored = StoredKey.objects.filter(workspace=workspace).first()
    if seen is not None and seen != (stored.stamp if stored else ""):
        raise audit.Conflict(workspace)


def _answering(findings: list[Found]) -> list[Found]:
    """The findings, where the workspace answered at all; what else is wrong keeps it from being trusted, not added."""
    wrong = [str(in_words(found)) for found in findings if found["code"] == "api"]
    if wrong:
        raise NotTheSame(" ".join([_("Nothing was stored."), *wrong]))
    return findings
