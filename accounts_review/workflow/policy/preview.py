"""Policy preview: judge everybody under a proposed policy, show what it would change, and put exactly that in force.

The proposed assessments lie beside those in force, so nothing is ever half old and half new: when the preview comes
into force they take over in the same transaction as the version itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from accounts_review.models import (
    Account,
    PolicyPreview,
    PolicyVersion,
    PreviewedAssessment,
    Workspace,
    permit,
)
from accounts_review.models.account import STALE, AccountQuerySet
from accounts_review.models.rewrite import wait_to_rewrite
from accounts_review.rules import policy
from accounts_review.workflow.assess.assess import assess, is_in_force
from accounts_review.workflow.assess.judging import BATCH, Judging, merge, portions
from accounts_review.workflow.assess.processes import in_parts
from accounts_review.workflow.policy import second_person
from accounts_review.workflow.policy.activate import put_in_force
from accounts_review.workflow.policy.findings import findings_of
from accounts_review.workflow.policy.moves import moves
from accounts_review.workflow.policy.take_over import take_over, take_over_anew

KEPT = timedelta(days=7)
"""How long a preview is kept that nobody puts in force."""


class Outdated(ValueError):
    """What was shown no longer holds; the message says why and what to do."""


class SecondPersonMissing(ValueError):
    """Another administrator has to confirm it; see :mod:`accounts_review.workflow.policy.second_person`."""


class Superseded(Outdated):
    """Another version came into force after the preview was written."""


@transaction.atomic
def propose(*, workspace: Workspace, text: str, actor: User | None, reason: str, now: datetime) -> PolicyPreview:
    """Set out to judge everybody under a text; nobody has been judged yet. It replaces the person's last preview.

    ``actor`` is ``None`` where a shell did it without a login. Raises ``PermissionDenied`` and ``PolicyError``.
    """
    policy.parse(text)
    login = _permitted(actor, workspace)
    of_workspace = PolicyPreview.objects.filter(workspace=workspace)
    replaced = of_workspace.filter(Q(by_login=login) | Q(created_at__lt=now - KEPT)).order_by("pk")
    # Whoever still writes to one is waited for: what was written to it unseen would outlive it.
    held = list(replaced.select_for_update().values_list("pk", flat=True))
    of_workspace.filter(pk__in=held).delete()
    return PolicyPreview.objects.create(
        workspace=workspace,
        text=text,
        reason=reason,
        over=workspace.current_policy,
        by_login=login,
        created_at=now,
        heartbeat_at=now,
        total=Account.objects.filter(workspace=workspace).count(),
    )


def judge(*, policy_preview: PolicyPreview, clock: Callable[[], datetime], budget: timedelta | None = None) -> bool:
    """Judge who was not judged under the preview, or has changed since. Whether that is done.

    It may be interrupted at any moment and taken up again; where somebody stopped it, or the time budget is spent,
    it leaves off after the portion it is at.
    """
    until = time.monotonic() + budget.total_seconds() if budget else None
    mine = PolicyPreview.objects.filter(pk=policy_preview.pk)

    def judge_part(keys: Sequence[int]) -> bool:
        judging = Judging(Workspace.objects.get(pk=policy_preview.workspace_id), policy_preview.rules)
        for portion in portions(keys):
            judging.stage(portion)
            with transaction.atomic():
                if not mine.filter(state=PolicyPreview.State.JUDGING).update(
                    judged=F("judged") + len(portion), heartbeat_at=clock()
                ):
                    return False
                unique = ("policy_preview_id", "account_id")
                merge(PreviewedAssessment, unique=unique, policy_preview_id=policy_preview.pk)
            if until and time.monotonic() >= until:
                return False
        return True

    if policy_preview.moved_limits is not None:
        return _follow(policy_preview, clock=clock)
    while left := outstanding(policy_preview):
        if not in_parts(left, judge_part):
            return False
    return _be_ready(policy_preview, clock=clock)


def resume(*, policy_preview: PolicyPreview, actor: User | None, now: datetime) -> None:
    """Have those judged who are not, or have changed since; what it needs is done by :func:`judge`."""
    _permitted(actor, policy_preview.workspace)
    total = Account.objects.filter(workspace=policy_preview.workspace).count()
    judged = total - len(outstanding(policy_preview))
    PolicyPreview.objects.filter(pk=policy_preview.pk).update(
        state=PolicyPreview.State.JUDGING, judged=judged, total=total, heartbeat_at=now
    )


def stop(*, policy_preview: PolicyPreview, actor: User) -> None:
    """Leave off judging; what was computed is kept."""
    _permitted(actor, policy_preview.workspace)
    PolicyPreview.objects.filter(pk=policy_preview.pk, state=PolicyPreview.State.JUDGING).update(
        state=PolicyPreview.State.STOPPED
    )


@transaction.atomic
def activate(
    *, policy_preview: PolicyPreview, seen: str, actor: User | None, now: datetime, is_shell: bool = False
) -> PolicyVersion:
    """Put in force what was shown: the text as a new version, and what it makes of everybody as the assessments.

    ``seen`` is the ``stamp`` of the numbers that were shown. Promises given under earlier versions stand.
    On a shell nobody else confirms it: whoever has one can write to the database as well.
    Raises ``PermissionDenied``, :class:`Superseded`, :class:`Outdated` and :class:`SecondPersonMissing`; then nothing
    was changed.
    """
    login = _permitted(actor, policy_preview.workspace)
    held = _hold(policy_preview)
    if held.state != PolicyPreview.State.READY or stamp(held) != seen or outstanding(held):
        raise Outdated(_("Accounts have changed since this was computed. Nothing was changed; check it again."))
    if actor is not None and not is_shell and second_person.is_missing(held, actor=actor):
        raise SecondPersonMissing
    return _put_in_force(held, login=login, now=now)


@transaction.atomic
def activate_at_one_look(*, policy_preview: PolicyPreview, actor: User | None, now: datetime) -> PolicyVersion | None:
    """On a shell, where nobody is shown anything in between: compute what was proposed, and put it in force at once.

    Everybody is looked at once only, for as long as nobody can be judged anew. ``None`` where that does not do, as
    somebody has to be judged first; then nothing was changed. Raises ``PermissionDenied`` and :class:`Outdated`.
    """
    login = _permitted(actor, policy_preview.workspace)
    held = _hold(policy_preview)
    if held.moved_limits is None or not is_in_force(held.over) or _is_unjudged(held):
        return None
    found = _computed(held, now=now)
    policy_preview.moves, policy_preview.findings = found["moves"], found["findings"]
    return _put_in_force(held, login=login, now=now)


def _hold(policy_preview: PolicyPreview) -> PolicyPreview:
    """The preview as it is, which until the transaction ends nobody else changes, nor the policy that it is over.

    The workspace is not held yet: whoever approves has read the judgements when they wait for it.
    """
    wait_to_rewrite(policy_preview.workspace_id)
    _on_one_core()
    held = PolicyPreview.objects.select_for_update(no_key=True).filter(pk=policy_preview.pk).first()
    if held is None:
        raise Outdated(_("This preview no longer exists: another replaced it, or it is already in force."))
    if held.over_id != held.workspace.current_policy.pk:
        raise Superseded(_("Another version came into force in the meantime. Nothing was changed."))
    return held


def _on_one_core() -> None:
    """Have the database work on one core until the transaction ends: on two it is hardly quicker, and readers wait."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")


def _put_in_force(held: PolicyPreview, *, login: str, now: datetime) -> PolicyVersion:
    key = take_over_anew(held)

    def bring(version: PolicyVersion) -> None:
        if key is None:
            take_over(held, version)
        version.is_judged = True
        version.save(update_fields=["is_judged"])
        held.delete()

    proposed_by = held.by_login if held.by_login != login else ""
    about: dict[str, Any] = {"login": login, "reason": held.reason, "now": now, "proposed_by": proposed_by}
    return put_in_force(held.workspace, held.text, key=key, bring=bring, **about)


def stamp(policy_preview: PolicyPreview) -> str:
    """What tells the numbers of a preview from those before or after it was assessed again."""
    return policy_preview.judged_at.isoformat() if policy_preview.judged_at else ""


def outstanding(policy_preview: PolicyPreview) -> list[int]:
    """The keys of the accounts that were not judged under a preview as they are now."""
    if policy_preview.moved_limits is not None:
        changed = policy_preview.assessments.values_list("account", flat=True)
        return sorted({*changed, *_unjudged(policy_preview).values_list("pk", flat=True)})
    rights_digest = Workspace.objects.values_list("rights_digest", flat=True).get(pk=policy_preview.workspace_id)
    accounts = Account.objects.filter(workspace=policy_preview.workspace_id).with_basis(rights_digest)
    # As sets: a join would go wrong while the database has no statistics of what was just written.
    judged = policy_preview.assessments.values_list("account", "basis")
    left = accounts.values_list(*("pk", "basis")).difference(judged).order_by("pk")
    return [row[0] for row in left.iterator(chunk_size=BATCH)]


def _follow(policy_preview: PolicyPreview, *, clock: Callable[[], datetime]) -> bool:
    """Have everybody judged by the version in force, from which all follows that the preview makes of them."""
    judging = PolicyPreview.objects.filter(pk=policy_preview.pk, state=PolicyPreview.State.JUDGING)
    while judging.update(heartbeat_at=clock()):
        with transaction.atomic():
            judging.select_for_update(no_key=True).first()
            _on_one_core()
            # As long as the version is held, nobody's judgement is written, and so none overlooked.
            if not is_in_force(policy_preview.over) or not _is_unjudged(policy_preview):
                policy_preview.assessments.all().delete()
                return _be_ready(policy_preview, clock=clock, judged=F("total"))
        assess(workspace=policy_preview.workspace)
    return False


def _be_ready(policy_preview: PolicyPreview, *, clock: Callable[[], datetime], **columns: Any) -> bool:
    now = clock()
    columns |= _computed(policy_preview, now=now)
    judging = PolicyPreview.objects.filter(pk=policy_preview.pk, state=PolicyPreview.State.JUDGING)
    return bool(judging.update(state=PolicyPreview.State.READY, judged_at=now, **columns))


def _computed(policy_preview: PolicyPreview, *, now: datetime) -> dict[str, Any]:
    found = moves(policy_preview, now=now)
    return {"moves": [asdict(move) for move in found], "findings": findings_of(policy_preview, found)}


def _unjudged(policy_preview: PolicyPreview) -> AccountQuerySet:
    """Whom the version that it was written over has not judged as they are now."""
    version = PolicyVersion.objects.select_related("workspace").get(pk=policy_preview.over_id)
    return Account.objects.filter(workspace=version.workspace_id).with_basis_under(version).filter(STALE)


def _is_unjudged(policy_preview: PolicyPreview) -> bool:
    """Whether there is anybody. All are counted: mostly there is nobody, and to find the first takes twice as long."""
    return _unjudged(policy_preview).count() > 0


def _permitted(actor: User | None, workspace: Workspace) -> str:
    """The login of whoever may change the policy."""
    if actor is None:
        return "shell"
    permit(actor, "administer", workspace)
    return actor.get_username()
