"""Restore: invite people back with the rights recorded at their revocation, and see who came back by themselves.

An invitation sends a mail, so it is one request and never repeated. ``restored_at`` without ``restored_by`` is a
claim, taken before the request and good for as long as any request can last: two operators at once send one
invitation, and after a crash the next attempt is told by the workspace whether the first one worked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.huwise import (
    Client,
    HuwiseError,
    Invitee,
    RateLimited,
    UserRecord,
    decode_group,
    decode_user,
    person_of,
    stops_cleanup,
)
from accounts_review.models import Case, permit
from accounts_review.rules.lifecycle import CaseState
from accounts_review.wording import instants
from accounts_review.wording.labels import labelled
from accounts_review.wording.quotes import joined
from accounts_review.workflow.restore import messages

LEASE = timedelta(minutes=10)

NEVER_RESTORED = ("api_keys", "object_rulesets", "follows", "saved_items")
"""What belonged to the membership and ended with it (domain.md 2.7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The outcome of one case: invited back, or the ``problem`` because of which the person was not.

    ``remarks`` are clauses for the person who asked: above all, what could not be given back.
    """

    case: Case
    problem: str = ""
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        outcome = self.problem or joined([_("invited back"), *self.remarks])
        return labelled(self.case.account.username, outcome)


def restore(*, cases: Sequence[Case], client: Client, actor: User, now: datetime) -> list[Restored]:
    """Invite the people of revoked cases back; each on its own; one result for each, in their order.

    Raises ``PermissionDenied``. What the workspace refuses is a result's problem, never an exception.
    """
    for workspace in {case.cleanup.workspace for case in cases}:
        permit(actor, "operate", workspace)
    known = Case.objects.select_related("account", "cleanup__workspace").in_bulk([case.pk for case in cases])
    restorer = _Restorer(client=client, login=actor.get_username(), now=now)
    return [restorer.restore(known[pk]) for pk in dict.fromkeys(case.pk for case in cases)]


def objection_to_restoring(case: Case) -> str:
    """Why a case cannot be restored, whatever the workspace says, or "" where it can."""
    if case.restored_by and case.restored_at:
        return _("%(login)s invited it back on %(day)s") % {
            "login": case.restored_by,
            "day": instants.day(case.restored_at),
        }
    if case.returned_at:
        return _("it came back on %(day)s") % {"day": instants.day(case.returned_at)}
    if case.state != CaseState.REVOKED or case.cleanup.dry_run:
        return _("its access was not revoked")
    if not case.snapshot:
        return _("the data needed to invite it back was not recorded")
    return "" if case.is_restorable else _("the workspace lists it again")


@dataclass(slots=True, kw_only=True)
class _Restorer:
    """One run over some cases: the groups are read once, and a failure that concerns all ends the sending."""

    client: Client
    login: str
    now: datetime
    rights: dict[str, tuple[str, ...] | None] | None = None
    broken: str = ""
    started: float = field(default_factory=time.monotonic)

    def restore(self, case: Case) -> Restored:
        problem = objection_to_restoring(case) or self._other_host(case) or self.broken
        if problem:
            return Restored(case=case, problem=problem)
        try:
            person, before = _recorded(case)
        except HuwiseError:
            return Restored(case=case, problem=_("its recorded data cannot be read"))
        try:
            rights = self._rights_by_group()
        except HuwiseError as error:
            self.broken = str(error)
            return Restored(case=case, problem=self.broken)
        given = replace(person, groups=tuple(uid for uid in person.groups if uid in rights))
        answer = self._invite(case, given)
        if isinstance(answer, Restored):
            return answer
        gone = sorted({*person.groups} - {*given.groups})
        self._record(case, given, answer, groups_gone=gone, expires_at=before.expires_at)
        remarks = messages.on_success(
            before=before, given=given, answer=answer, groups_gone=gone, rights_by_group=rights
        )
        return Restored(case=case, remarks=tuple(remarks))

    def _invite(self, case: Case, person: Invitee) -> UserRecord | Restored:
        """Claim the case and send the one invitation."""
        if problem := _no_way_to(person):
            return Restored(case=case, problem=problem)
        # A run may last longer than a lease, so that claims are not all of the same instant.
        claimed_at = self.now + timedelta(seconds=time.monotonic() - self.started)
        if not self._claim(case, person, claimed_at):
            return Restored(case=case, problem=_("someone else is inviting them back"))
        try:
            return self.client.provision(person) if person.is_local else self.client.invite(person)
        except HuwiseError as error:
            self._release(case, error, claimed_at)
            if stops_cleanup(error) or isinstance(error, RateLimited):
                self.broken = str(error)
            return Restored(case=case, problem=messages.on_failure(error))

    def _other_host(self, case: Case) -> str:
        """Rights of one workspace are never given in another."""
        host = case.cleanup.workspace.host
        if self.client.host == host:
            return ""
        return _("its workspace was read from %(host)s, but HUWISE_URL now names %(other)s; sync first") % {
            "host": host,
            "other": self.client.host,
        }

    def _rights_by_group(self) -> dict[str, tuple[str, ...] | None]:
        if self.rights is None:
            self.rights = {group.uid: group.permissions for group in map(decode_group, self.client.groups())}
        return self.rights

    @transaction.atomic
    def _claim(self, case: Case, given: Invitee, at: datetime) -> bool:
        free = Q(restored_at=None) | Q(restored_at__lte=at - LEASE)
        mine = Case.objects.filter(free, pk=case.pk, state=CaseState.REVOKED, restored_by="", returned_at=None)
        if not mine.update(restored_at=at):
            return False
        audit.log([case], kind=Event.ACCOUNT_RESTORING, actor=self.login, now=self.now, data=_said(given))
        return True

    @transaction.atomic
    def _release(self, case: Case, error: HuwiseError, claimed_at: datetime) -> None:
        Case.objects.filter(pk=case.pk, restored_by="", restored_at=claimed_at).update(restored_at=None)
        kind = messages.kind_of_failure(error)
        data = {"error": str(error), "error_code": error.error_code, "trace_id": error.trace_id}
        data |= {"kind": kind} if kind else {}
        audit.log([case], kind=Event.ACCOUNT_RESTORE_FAILED, actor=self.login, now=self.now, data=data)

    @transaction.atomic
    def _record(
        self, case: Case, given: Invitee, answer: UserRecord, *, groups_gone: list[str], expires_at: object
    ) -> None:
        case.restored_at, case.restored_by = self.now, self.login
        case.save(update_fields=["restored_at", "restored_by"])
        lost = {"not_restored": list(NEVER_RESTORED), "groups_gone": groups_gone, "expires_at": str(expires_at or "")}
        data = _said(given) | lost | {"username": answer.username}
        audit.log([case], kind=Event.ACCOUNT_RESTORED, actor=self.login, now=self.now, data=data)


def _recorded(case: Case) -> tuple[Invitee, UserRecord]:
    """Who the person was at the last look. Raises :class:`HuwiseError` where it cannot be read."""
    raw = (case.snapshot or {}).get("user", "")
    return person_of(raw), decode_user(raw)


def _no_way_to(person: Invitee) -> str:
    """Why there is no way to invite a person, or ""."""
    if person.is_local and not person.identity_provider:
        return _("no identity provider was recorded for this local account")
    if not person.is_local and not person.email:
        return _("no e-mail address was recorded")
    return ""


def _said(given: Invitee) -> dict[str, Any]:
    """What is given, as the audit keeps it: without floats, and without what JSON columns refuse."""
    return {
        "by": "provision" if given.is_local else "invite",
        "groups": list(given.groups),
        "permissions": list(given.permissions),
        "explore_limits": json.dumps(given.explore_limits, sort_keys=True) if given.explore_limits else "",
    }
