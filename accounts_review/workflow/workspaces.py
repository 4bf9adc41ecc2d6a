"""Administer: open a workspace, describe it, pause and retire it, switch mode and language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import parseaddr

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Hold, StoredKey, Workspace, permit
from accounts_review.models.audit_entry import LONGEST_REASON
from accounts_review.rules import policy
from accounts_review.rules.addresses import needs_utf8, usable_for_mail
from accounts_review.rules.names import has_controls
from accounts_review.wording import reasons
from accounts_review.wording.numbers import counted
from accounts_review.workflow.identity import refuse_known
from accounts_review.workflow.policy.activate import put_in_force

LONGEST = {"title": 100, "contact": 254, "sender": 254}
LAUNCHED = ("awaiting_confirmation", "running", "paused")


class NotPossible(ValueError):
    """A workspace cannot be changed so now; the text says why and what to do."""


@transaction.atomic
def open_workspace(*, name: str, now: datetime, host: str = "") -> Workspace:
    """The workspace of that name; a new one starts in dry run, under the default policy.

    Raises ``ImproperlyConfigured`` where it is new only by its name: the host, or what had this name, is known.
    """
    if not Workspace.objects.filter(name=name).exists():
        # Web, worker and commands that start together would all insert it.
        audit.wait_for_turn()
        refuse_known(name=name, host=host)
    workspace, is_new = Workspace.objects.get_or_create(name=name, defaults={"created_at": now})
    if is_new:
        audit.log([workspace], kind=Event.WORKSPACE_OPENED, actor="portal", now=now, data={"mode": workspace.mode})
        put_in_force(workspace, policy.DEFAULT_TEXT, login="portal", reason=reasons.DEFAULT_POLICY, now=now)
    return workspace


@contextmanager
def held(workspace: Workspace) -> Iterator[None]:
    """A workspace as it is now: nobody else changes it, or by their page its e-mails, until what is done here ends."""
    with transaction.atomic():
        workspace.refresh_from_db(from_queryset=Workspace.objects.select_for_update(no_key=True))
        yield


@transaction.atomic
def set_mode(*, workspace: Workspace, mode: Workspace.Mode, actor: User, now: datetime) -> None:
    """Make the next clean-ups real, or dry runs. A clean-up that was launched keeps the mode it was launched in."""
    permit(actor, "administer", workspace)
    before = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk).mode
    workspace.mode = mode
    workspace.save(update_fields=["mode"])
    data = {"from": before, "to": mode.value}
    audit.log([workspace], kind=Event.WORKSPACE_MODE_SET, actor=actor.get_username(), now=now, data=data)


@transaction.atomic
def set_language(*, workspace: Workspace, language: str, actor: User, now: datetime) -> None:
    """Choose the language in which people are written to. Raises ``PermissionDenied``."""
    permit(actor, "administer", workspace)
    before = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk).language
    workspace.language = language
    workspace.save(update_fields=["language"])
    data = {"from": before, "to": language}
    audit.log([workspace], kind=Event.WORKSPACE_LANGUAGE_SET, actor=actor.get_username(), now=now, data=data)


def refuse_description(given: Mapping[str, str]) -> None:
    """Raise :class:`NotPossible` where people cannot be told so: a text of several lines, no address to send from."""
    for name, longest in LONGEST.items():
        text = given.get(name, "")
        if len(text) > longest or text != text.strip() or has_controls(text):
            raise NotPossible(
                _("%(field)s: one line of at most %(longest)s characters, please.")
                % counted({"field": name, "longest": longest})
            )
    sender = given.get("sender", "")
    bare = parseaddr(sender)[1]
    if sender and (not usable_for_mail(bare) or needs_utf8(bare)):
        raise NotPossible(_("The sender must be an address such as Cleanup <cleanup@example.org>."))


@transaction.atomic
def describe(*, workspace: Workspace, given: Mapping[str, str], actor: User, now: datetime) -> list[str]:
    """Change what people are told: ``title``, ``contact``, ``sender``, ``language``; returns which of them changed.

    Raises ``PermissionDenied`` and :class:`NotPossible`.
    """
    permit(actor, "administer", workspace)
    refuse_description(given)
    workspace.refresh_from_db(from_queryset=Workspace.objects.select_for_update(no_key=True))
    before = {name: getattr(workspace, name) for name, value in given.items() if getattr(workspace, name) != value}
    if not before:
        return []
    for name in before:
        setattr(workspace, name, given[name])
    workspace.save(update_fields=list(before))
    addresses = {"contact", "sender"} & set(before)
    data = {
        "fields": ", ".join(before),
        "from": {name: value for name, value in before.items() if name not in addresses},
        "to": {name: given[name] for name in before if name not in addresses},
    }
    if addresses:
        # Kept where personal details are: each may be a person's own address.
        data["address_before"] = {name: before[name] for name in addresses}
        data["address"] = {name: given[name] for name in addresses}
    audit.log([workspace], kind=Event.WORKSPACE_DESCRIBED, actor=actor.get_username(), now=now, data=data)
    return list(before)


@transaction.atomic
def pause(*, workspace: Workspace, actor: User, reason: str, now: datetime) -> None:
    """Read nothing of a workspace any more, and let nothing leave, until it is resumed. Promised dates stand.

    Raises ``PermissionDenied`` and :class:`NotPossible`.
    """
    _leave(workspace, Workspace.State.PAUSED, actor=actor, reason=reason, now=now)


@transaction.atomic
def retire(*, workspace: Workspace, actor: User, reason: str, now: datetime) -> None:
    """End the use of a workspace and delete its key; its history can still be read.

    Raises ``PermissionDenied``, and :class:`NotPossible` while people of its clean-ups wait for an end.
    """
    if numbers := list(workspace.cleanups.filter(state__in=LAUNCHED).values_list("number", flat=True)):
        raise NotPossible(
            _("%(name)s has clean-ups under way: %(numbers)s. Cancel them or let them end first.")
            % {"name": workspace, "numbers": ", ".join(map(str, numbers))}
        )
    _leave(workspace, Workspace.State.RETIRED, actor=actor, reason=reason, now=now)
    StoredKey.objects.filter(workspace=workspace).delete()


@transaction.atomic
def resume(*, workspace: Workspace, actor: User, reason: str, now: datetime) -> None:
    """Go on with a workspace that was paused. Raises ``PermissionDenied`` and :class:`NotPossible`."""
    permit(actor, "administer", workspace)
    reason, login = _given(reason), actor.get_username()
    workspace.refresh_from_db(from_queryset=Workspace.objects.select_for_update(no_key=True))
    if workspace.state != Workspace.State.PAUSED:
        raise NotPossible(_("%(name)s is not paused.") % {"name": workspace})
    workspace.state = Workspace.State.ACTIVE
    workspace.save(update_fields=["state"])
    standing = Hold.objects.open().filter(workspace=workspace, cause=Hold.Cause.PAUSED)
    standing.update(released_at=now, released_by=login, release_reason=reason)
    audit.log([workspace], kind=Event.WORKSPACE_RESUMED, actor=login, now=now, data={"reason": reason})


def _leave(workspace: Workspace, to: Workspace.State, *, actor: User, reason: str, now: datetime) -> None:
    permit(actor, "administer", workspace)
    reason, login = _given(reason), actor.get_username()
    workspace.refresh_from_db(from_queryset=Workspace.objects.select_for_update(no_key=True))
    if workspace.state in (to, Workspace.State.RETIRED):
        raise NotPossible(
            _("%(name)s is already %(state)s.") % {"name": workspace, "state": workspace.get_state_display()}
        )
    workspace.state = to
    if to == Workspace.State.RETIRED:
        # Nobody is written to any more, so nothing would end it.
        workspace.mail_stopped = None
    workspace.save(update_fields=["state", "mail_stopped"])
    # What is under way asks for holds before each act, and not for the state.
    known = {"workspace": workspace, "cause": Hold.Cause.PAUSED, "host": str(workspace.pk)}
    Hold.objects.get_or_create(**known, released_at=None, defaults={"at": now, "by": login, "reason": reason})
    kind = Event.WORKSPACE_PAUSED if to == Workspace.State.PAUSED else Event.WORKSPACE_RETIRED
    audit.log([workspace], kind=kind, actor=login, now=now, data={"reason": reason})


def _given(reason: str) -> str:
    if not reason.strip():
        raise NotPossible(_("Give a reason; it is recorded in the audit."))
    return reason.strip()[:LONGEST_REASON]
