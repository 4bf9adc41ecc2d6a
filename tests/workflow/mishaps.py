"""What can go wrong around a revocation, in short scenes with Marie, who is dormant; and how the harm shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, AuditEntry, Case, Workspace
from accounts_review.workflow import advance, answer, brake
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify.send import send_notices
from accounts_review.workflow.review import decide
from accounts_review.workflow.revoke import delete_call, last_look, worker
from accounts_review.workflow.sync.sync import reset_breaker
from tests.factories import give_role, make_exemption
from tests.stage import NOW, Stage, days_ago, policy_text, someone

Act = Callable[[Stage], object]
DELETE: dict[str, Any] = {"method": "DELETE", "path": "/users/*", "times": 1}


def then_revoke(act: Act) -> Act:
    """Something happens to Marie, who is approved and launched, and then the worker runs."""

    def happen(stage: Stage) -> None:
        stage.launch("marie")
        act(stage)
        stage.revoke()

    return happen


def recreate(stage: Stage) -> None:
    stage.remove("marie")
    stage.site.workspace.put(someone("marie", joined_at=days_ago(1364), last_seen_at=days_ago(1000)))


def exempt(stage: Stage) -> None:
    """As an import would, beside the clean-up."""
    until = NOW + timedelta(days=30)
    make_exemption(stage.account("marie"), until=until, reason="leave", by_login="import", at=NOW)


def demote(stage: Stage) -> None:
    give_role(stage.staff("reviewer"), "auditor")


def spend_the_hour(stage: Stage) -> None:
    audit.log([stage.workspace] * 200, kind=Event.CASE_INTENDED, actor="portal", now=NOW)


def quarantine(stage: Stage) -> None:
    stage.workspace.syncs.update(state="quarantined")


def forget_the_key(stage: Stage) -> None:
    """Neither the API nor the last sync says whose key it is."""
    Workspace.objects.update(key_owner="")
    stage.order({"method": "GET", "path": "/apikeys", "kind": "status", "status": 403})


def key_of(owner: str) -> Act:
    """The API says that our key belongs to somebody; who is dormant is approved and launched all the same."""

    def happen(stage: Stage) -> None:
        body = {"total_count": 1, "results": [{"user": {"username": owner}}]}
        stage.order({"method": "GET", "path": "/apikeys", "kind": "status", "status": 200, "body": body})
        stage.sync()
        with suppress(decide.DecisionRefused):
            stage.launch("marie")
        stage.revoke()

    return happen


def name_her_in_capitals(stage: Stage) -> None:
    """The policy protects her, in another case than the workspace lists her with."""
    text = policy_text().replace("groups = []", 'groups = []\nusernames = ["MARI*"]')
    stage.adopt(text.replace("Test", uuid4().hex))


def make_due_unwarned(stage: Stage) -> None:
    Case.objects.update(state="due")


def get_more_time_after_the_claim(stage: Stage) -> None:
    stage.launch("marie")
    send_notices(workspace=stage.workspace, now=NOW)
    stage.clock.advance(days=31)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    case.promised_at = stage.clock() + timedelta(days=9)
    case.save()
    revoker.process(case)


def warned_elsewhere(stage: Stage) -> None:
    """The address changes between the warning and the last look; no sync has seen it."""
    stage.launch("marie")
    send_notices(workspace=stage.workspace, now=NOW)
    stage.clock.advance(days=31)
    advance.make_due(workspace=stage.workspace, now=stage.clock())
    stage.update("marie", email="somebody.else@ville.example")
    stage.revoke()


def look_slowly(stage: Stage) -> None:
    """Between the last look and the gate, a minute goes by."""
    stage.launch("marie")
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    seen = last_look.look(case, client=stage.client, clock=stage.clock)
    stage.clock.advance(seconds=60)
    if revoker._pass_gate(case, seen):
        revoker._finish(case, delete_call.outcome_of(stage.client, "marie"))


def pause_after_the_claim(stage: Stage) -> None:
    revoker = stage.revoker()
    case = revoker.claim()
    assert case
    launch.pause(cleanup=case.cleanup, actor=stage.staff("operator"), reason="wait", now=NOW)
    revoker.process(case)


def wake_up_late(stage: Stage) -> None:
    """Suspended after the intent; meanwhile another worker settles the case, and Marie comes back."""
    with pytest.MonkeyPatch.context() as patch:

        def suspended(label: str) -> None:
            if label == "s5":
                patch.setattr(worker, "crashpoint", lambda label: None)
                stage.clock.advance(hours=1)
                stage.update("marie", last_seen_at=stage.clock().isoformat())
                stage.revoke()

        patch.setattr(worker, "crashpoint", suspended)
        stage.launch("marie")
        stage.revoke()


def cut_and_re_created(stage: Stage) -> None:
    """The DELETE takes effect without an answer."""
    stage.launch("marie")
    stage.order(DELETE | {"kind": "cut_after"})
    stage.revoke()


def more_deletes_than_intents(stage: Stage) -> bool:
    sent = Counter(name for name, _, _ in stage.deletes)
    return sent["marie"] > AuditEntry.objects.filter(kind="case.intended", subject_ref__name="marie").count()


def forget_dates(stage: Stage, *names: str) -> None:
    for name in names:
        stage.update(name, last_seen_at=None, last_login_at=None, joined_at=days_ago(1400))


def approve_and_revoke(stage: Stage, username: str) -> None:
    """A reviewer trusts the page."""
    approve_if_allowed(stage, username)
    stage.revoke()


def dates_of_one_vanish(stage: Stage) -> None:
    """The API forgets when one person was last seen."""
    forget_dates(stage, "crowd.0001")
    stage.sync()
    approve_and_revoke(stage, "crowd.0001")


def the_same_wrong_answer_twice(stage: Stage) -> None:
    """The API forgets when everybody was last seen; that is ignored, and comes again."""
    forget_dates(stage, *(f"crowd.{number:04d}" for number in range(20)))
    stage.sync()
    actor, now = stage.staff("administrator"), stage.clock()
    reset_breaker(workspace=stage.workspace, actor=actor, reason="wrong", discard=True, now=now)
    stage.sync()
    approve_and_revoke(stage, "crowd.0001")


def first_sync_without_dates(stage: Stage) -> None:
    """The portal is new, and the API does not say of anybody when they were last seen."""
    Account.objects.all().delete()
    stage.workspace.syncs.all().delete()
    for name in stage.site.workspace.usernames():
        stage.update(name, last_seen_at=None, last_login_at=None)
    stage.sync()
    approve_and_revoke(stage, "marie")


def groups_vanish(stage: Stage) -> None:
    """Twelve idle people are protected by their group, until the API forgets who is in it."""
    staff = [f"staff.{number}" for number in range(12)]
    for start in range(0, 12, 4):
        for name in staff[start : start + 4]:
            stage.site.workspace.put(someone(name, groups=[{"uid": "plain"}]))
        stage.sync()
    for name in staff:
        stage.update(name, groups=[])
    stage.sync()
    approve_and_revoke(stage, "staff.1")


def staff_lost_someone(stage: Stage) -> bool:
    return "staff.1" not in stage.members


def approve_if_allowed(stage: Stage, username: str) -> None:
    try:
        stage.launch(username)
    except decide.DecisionRefused:
        return


def crowd_lost_someone(stage: Stage) -> bool:
    return stage.site.workspace.user("crowd.0001") is None


def newcomer_read_by_halves(stage: Stage) -> None:
    """An account that only an incomplete sync has seen; its list announced more than it held."""
    stage.site.workspace.put(someone("newcomer"))
    stage.order({"method": "GET", "path": "/users", "kind": "wrong_total", "delta": 1})
    stage.sync()
    stage.order()
    approve_if_allowed(stage, "newcomer")
    stage.revoke()


def newcomer_removed(stage: Stage) -> bool:
    return "newcomer" not in stage.members


def open_a_second_case(stage: Stage) -> None:
    """A second decision slips past the page's check, as two requests at once could."""
    (case,) = stage.approve("marie")
    case.pk = None
    case._state.adding = True
    try:
        with transaction.atomic():
            case.save()
    except IntegrityError:
        return


def has_two_open_cases(stage: Stage) -> bool:
    return Case.objects.open().filter(account__username="marie").count() > 1


def late_effect(stage: Stage) -> None:
    """A server that is slow to forget: the DELETE counts as failed, and the account shows for a moment longer."""
    stage.launch("marie")
    stage.order(DELETE | {"kind": "status", "status": 500})
    stage.revoke(quiet=60)
    stage.order()
    stage.clock.advance(seconds=60)
    stage.revoke(quiet=60)


def key_is_refused(stage: Stage) -> None:
    stage.launch("marie", "omar", "zoe")
    stage.order(DELETE | {"kind": "status", "status": 403})
    stage.revoke()


def somebody_else_was_removed(stage: Stage) -> bool:
    return not {"omar", "zoe"} <= stage.members


def claim_everything(stage: Stage) -> None:
    stage.launch("marie", "omar", "zoe")
    for _ in range(3):
        stage.revoker().claim()


def several_are_claimed(stage: Stage) -> bool:
    return Case.objects.filter(state="claimed").count() > 1


def key_changed_hands(stage: Stage) -> None:
    stage.launch("marie")
    stage.update("omar", permissions=["edit_domain"])
    keys = stage.site.workspace._keys
    stage.site.workspace._keys = [key | {"user": {"username": "omar"}} for key in keys]
    stage.revoke()


def never_answers(stage: Stage) -> None:
    """The DELETE of Marie never gets a clear answer, and nobody looks."""
    stage.launch("marie", "omar", "zoe")
    stage.order(DELETE | {"kind": "status", "status": 500, "path": "/users/marie*", "times": 9})
    for _ in range(6):
        stage.clock.advance(minutes=2)
        stage.revoke(quiet=60)


def more_than_two_tries(stage: Stage) -> bool:
    return [name for name, _, _ in stage.deletes].count("marie") > 2


def launch_one_by_one(stage: Stage) -> None:
    """Three launches, each of them within a limit of one account."""
    for name in ("marie", "omar", "zoe"):
        with suppress(launch.CannotLaunch):
            stage.launch(name)
        stage.revoke()


def more_than_one_is_gone(stage: Stage) -> bool:
    return len(stage.members) < 2


def the_others_speak_against_it(stage: Stage) -> None:
    """Omar and Zoe keep their account; Marie, who wants to leave, may wait until a person has looked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(brake, "FEWEST", 3)
        stage.launch("marie", "omar", "zoe")
        send_notices(workspace=stage.workspace, now=NOW)
        for name, kind in (
            ("marie", answer.AnswerKind.LEAVE),
            ("omar", answer.AnswerKind.KEEP),
            ("zoe", answer.AnswerKind.KEEP),
        ):
            answer.answer(case=stage.case(name), said=answer.Said(kind=kind), now=NOW)
        stage.revoke()
