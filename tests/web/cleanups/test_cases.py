"""The cases of a clean-up: the page of each, what waits for a person, and what can be done with one or many."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Account, AuditEntry, Case, Cleanup, Workspace
from tests.factories import make_cleanup
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


@pytest.fixture
def running(site: Site) -> Cleanup:
    """A live clean-up of three: two could not be warned, one was."""
    site.go_live()
    cleanup = site.launched("ana", "ben", "cy")
    for name in ("ana", "ben"):
        site.put(name, "undeliverable", outcome={"why": "550 no such mailbox"})
    site.put("cy", "noticed", noticed_at=now(), promised_at=now())
    return cleanup


def act(site: Site, cleanup: Cleanup, what: str, *names: str, **fields: Any) -> Any:
    cases = [site.case(name).pk for name in names]
    return site.follow("cases", {"act": what, "case": cases, **fields}, number=cleanup.number)


def steps(site: Site, cleanup: Cleanup) -> dict[str, list[str]]:
    """Who stands in each of the page's next steps."""
    found = site.get("cleanup", number=cleanup.number).context["steps"]
    return {step.name: [row.case.account.username for row in step.rows] for step in found}


# What was refused


def test_what_was_typed_for_a_refused_act_is_on_the_page_again_once(site: Site, running: Cleanup) -> None:
    ben = site.case("ben").pk
    refused = act(site, running, "bounced", "ben", reason="550 on Monday", who="")
    assert "This no longer applies to any of them" in text(refused)
    assert refused.context["typed"]["reason"] == "550 on Monday"
    assert 'value="550 on Monday"' not in text(site.get("cleanup", number=running.number))
    refused = act(site, running, "withdraw", "ben", "cy", reason="")
    page = text(refused)
    assert "Give a reason; it is recorded in the audit." in page
    assert f'value="{ben}" id="undeliverable-{ben}" checked' in " ".join(page.split())


@pytest.mark.parametrize("what", ["bounced", "withdraw"])
def test_on_the_page_of_a_case_its_form_is_open_with_the_reason(site: Site, running: Cleanup, what: str) -> None:
    cy = site.case("cy").pk
    site.post("cases", {"act": what, "reason": "the mail <b>came back</b>", "from": cy}, number=running.number)
    page = " ".join(text(site.get("case", number=running.number, pk=cy)).split())
    assert 'value="the mail &lt;b&gt;came back&lt;/b&gt;"' in page
    assert page.count('<details class="turn" open>') == 1


def test_a_turn_that_came_too_late_keeps_its_reason(site: Site, running: Cleanup) -> None:
    site.follow("turn", {"reason": "wrong list"}, number=running.number, verb="pause")
    page = site.follow("turn", {"reason": "wrong again"}, number=running.number, verb="pause")
    assert page.context["typed"]["reason"] == "wrong again"


# The draft


def test_taking_one_out_of_the_draft(site: Site) -> None:
    draft = site.draft("ana", "ben")
    answer = act(site, draft, "withdraw", "ana", reason="taken out of the draft")
    assert site.case("ana").state == "withdrawn"
    assert "1 account left the clean-up and keeps its access." in text(answer)
    assert AuditEntry.objects.filter(
        kind="account.withdrawn", subject_ref__name="ana", actor_ref__name="operator"
    ).exists()


def test_only_what_belongs_to_the_clean_up_is_touched(site: Site) -> None:
    draft = site.draft("ana", "ben")
    site.put("ben", "withdrawn")
    Case.objects.filter(account__username="ben").update(cleanup=make_cleanup(site.workspace, number=9, state="closed"))
    assert "This no longer applies to any of them" in text(act(site, draft, "again", "ben"))


# Those who could not be warned


def test_they_are_listed_with_what_happened_and_their_address(site: Site, running: Cleanup) -> None:
    Account.objects.filter(username="ben").update(email="ben@new.example")
    page = text(site.get("cleanup", number=running.number))
    assert steps(site, running) == {"undeliverable": ["ben", "ana"]}, "who can be written to again comes first"
    assert "550 no such mailbox" in page
    assert "The address is now ben@new.example; at the approval it was ben@ville.example." in page
    assert "The address is still ana@ville.example." in page


def test_the_warning_is_sent_again_to_those_ticked(site: Site, running: Cleanup) -> None:
    answer = act(site, running, "retry", "ben")
    assert (site.case("ana").state, site.case("ben").state) == ("undeliverable", "awaiting_notice")
    assert "1 notice will be sent again." in text(answer)
    assert AuditEntry.objects.filter(
        kind="case.notice_retried", subject_ref__name="ben", actor_ref__name="operator"
    ).exists()


def test_all_means_all_who_could_not_be_warned(site: Site, running: Cleanup) -> None:
    act(site, running, "withdraw", all="undeliverable", reason="no way to reach them")
    assert [site.case(name).state for name in ("ana", "ben", "cy")] == ["withdrawn", "withdrawn", "noticed"]


def test_a_bounce_is_reported_by_hand_with_its_reason(site: Site, running: Cleanup) -> None:
    assert "Give a reason; it is recorded in the audit." in text(act(site, running, "bounced", "cy"))
    answer = act(site, running, "bounced", "cy", reason="came back on Monday", **{"from": site.case("cy").pk})
    case = site.case("cy")
    assert (case.state, case.outcome, case.noticed_at) == ("undeliverable", {"why": "came back on Monday"}, None)
    assert answer.redirect_chain[-1][0] == site.at("case", number=running.number, pk=case.pk)


def test_bounces_are_reported_by_address_or_username(site: Site) -> None:
    site.go_live()
    cleanup = site.launched("ana", "ben", "cy")
    for name in ("ana", "ben", "cy"):
        site.put(name, "noticed", noticed_at=now(), promised_at=now())
    who = "<ANA@ville.example>,\n ben ; ana"
    assert "Give a reason; it is recorded in the audit." in text(act(site, cleanup, "bounced", who=who))
    answer = act(site, cleanup, "bounced", who=f"{who} stranger@ville.example", reason="550")
    assert "No warned person in this clean-up matches: stranger@ville.example" in text(answer)
    assert "2 accounts are recorded as not reached." in text(answer)
    assert [site.case(name).state for name in ("ana", "ben", "cy")] == ["undeliverable", "undeliverable", "noticed"]


def test_nothing_ticked_does_nothing(site: Site, running: Cleanup) -> None:
    assert "Select at least one account first." in text(act(site, running, "retry"))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"act": "explode"},
        {"act": "retry", "case": "x"},
        {"act": "retry", "case": "9" * 40},
        {"act": "retry", "case": "1", "from": "../x"},
    ],
)
def test_nonsense_does_nothing(site: Site, running: Cleanup, data: dict[str, str]) -> None:
    answer = site.follow("cases", data, number=running.number)
    assert answer.status_code == 200
    assert site.case("ana").state == "undeliverable"


def test_a_reviewer_may_withdraw_but_not_send(site: Site, running: Cleanup) -> None:
    site.sign_in("reviewer")
    page = site.get("cleanup", number=running.number)
    assert b'value="retry"' not in page.content
    assert b'value="withdraw"' in page.content
    assert act(site, running, "retry", "ana").status_code == 403
    assert site.case("ana").state == "undeliverable"


def test_a_reader_is_offered_nothing(site: Site, running: Cleanup) -> None:
    page = site.sign_in("auditor").get("cleanup", number=running.number)
    assert b'name="act"' not in page.content
    assert steps(site, running) == {"undeliverable": ["ana", "ben"]}


# Again


def test_what_a_dry_run_would_have_revoked_goes_into_the_next_draft(site: Site) -> None:
    cleanup = site.launched("ana", "ben", "cy")
    for name, state in (("ana", "would_revoke"), ("ben", "refused"), ("cy", "spared")):
        site.put(name, state)
    Cleanup.objects.filter(pk=cleanup.pk).update(state="closed")
    assert steps(site, cleanup) == {"refused": ["ben"], "again": ["cy", "ana"]}
    answer = act(site, cleanup, "again", all="again")
    draft = site.workspace.cleanups.get(state="draft")
    assert {case.account.username for case in draft.cases.all()} == {"ana", "cy"}
    carried, anew = draft.cases.get(account__username="ana"), draft.cases.get(account__username="cy")
    assert (carried.approved_by_login, carried.reason, carried.put_by_login) == (
        "reviewer",
        "not in the staff list",
        "operator",
    )
    assert (anew.approved_by_login, anew.reason) == ("operator", f"again, after clean-up {cleanup.number}")
    entry = AuditEntry.objects.filter(kind="account.approved", subject_ref__name="ana").first()
    assert entry
    assert (entry.actor, entry.details["approved_by"], entry.details["reason"]) == (
        "operator",
        "reviewer",
        "not in the staff list",
    )
    assert "added to the draft by operator" in text(site.get("cleanup", number=draft.number))
    assert "as approved by reviewer" in text(site.get("case", number=draft.number, pk=carried.pk))
    assert "2 accounts were put into the next draft." in text(answer)
    assert answer.redirect_chain[-1][0] == site.at("cleanups")
    assert steps(site, cleanup) == {"refused": ["ben"]}
    act(site, cleanup, "again", all="refused", reason="the quota was raised")
    assert draft.cases.get(account__username="ben").reason == "the quota was raised"
    page = site.get("cleanup", number=cleanup.number)
    assert "It is in a clean-up again" in text(page)
    assert b'value="again"' not in page.content


def test_who_is_gone_active_or_oneself_is_not_offered_again(site: Site) -> None:
    cleanup = site.launched("ana", "ben", "cy", "operator")
    for name in ("ana", "ben", "cy", "operator"):
        site.put(name, "refused")
    Account.objects.filter(username="ana").update(gone_at=now())
    Account.objects.get(username="ben").assessment.delete()
    (step,) = site.get("cleanup", number=cleanup.number).context["steps"]
    assert [row.case.account.username for row in step.rows if row.can_act] == ["cy"]
    act(site, cleanup, "again", all="refused")
    assert [case.account.username for case in site.workspace.cleanups.get(state="draft").cases.all()] == ["cy"]


# Unknown


def test_an_unknown_outcome_says_that_it_settles_by_itself(site: Site, running: Cleanup) -> None:
    site.put("cy", "unknown", rechecks=[{"at": now().isoformat(), "found": "absent"}])
    page = text(site.get("cleanup", number=running.number))
    assert "nothing is sent again" in page
    assert "checked so far: gone" in page


def test_the_steps_are_read_anew_on_their_own(site: Site, running: Cleanup) -> None:
    url = site.at("cleanup", number=running.number)
    page = site.client.get(url, headers={"HX-Request": "true", "HX-Target": "next-steps"})
    assert b"<html" not in page.content
    assert b"step-undeliverable" in page.content
    assert b"Outcome" not in page.content


# One case


def test_a_case_tells_who_decided_on_what(site: Site) -> None:
    cleanup = site.launched("ana")
    look = {"at": now().isoformat(), "activity_at": now().isoformat(), "found": True, "groups": ["press"]}
    site.put("ana", "refused", last_look=look, outcome={"error": "no", "status": 403, "error_code": "Denied"})
    page = text(site.sign_in("auditor").get("case", number=cleanup.number, pk=site.case("ana").pk))
    for said in (
        "reviewer",
        "not in the staff list",
        "2 years, 8 months ago",
        "press",
        "HTTP 403",
        "Denied",
        "Approved for the",
    ):
        assert said in page


def test_a_case_says_what_may_be_done_with_it_now(site: Site, running: Cleanup) -> None:
    page = site.get("case", number=running.number, pk=site.case("cy").pk)
    assert page.context["acts"] == ["bounced", "withdraw"]
    page = site.get("case", number=running.number, pk=site.case("ana").pk)
    assert page.context["acts"] == ["retry", "withdraw"]


def test_what_people_wrote_in_an_answer_is_never_markup(site: Site, running: Cleanup) -> None:
    answer = {"kind": "keep", "text": HOSTILE, "at": now().isoformat(), "until": None}
    site.put("cy", "spared", answer=answer, outcome={"why": HOSTILE})
    for page in (
        site.get("case", number=running.number, pk=site.case("cy").pk),
        site.get("cleanup", number=running.number),
    ):
        assert HOSTILE.encode() not in page.content
        assert b"&lt;img src=x" in page.content


def test_a_case_of_another_clean_up_is_not_found(site: Site, running: Cleanup) -> None:
    other = make_cleanup(site.workspace, number=77, state="closed")
    assert site.get("case", number=other.number, pk=site.case("ana").pk).status_code == 404


def test_from_the_overview_to_the_decision_in_three_clicks(site: Site) -> None:
    cleanup = site.launched("ana")
    site.put("ana", "revoked")
    Cleanup.objects.filter(pk=cleanup.pk).update(state="closed", closed_at=now())
    site.sign_in("auditor")
    path = [site.at("cleanups"), site.at("cleanup", number=cleanup.number)]
    path.append(site.at("case", number=cleanup.number, pk=site.case("ana").pk))
    page = site.get("overview")
    for address in path:
        assert f'href="{address}"' in text(page)
        page = site.client.get(address)
    assert "reviewer" in text(page)


def test_the_case_tells_its_own_history(site: Site) -> None:
    cleanup = site.launched("ana")
    page = site.get("case", number=cleanup.number, pk=site.case("ana").pk)
    assert [moment.entry.kind for moment in page.context["timeline"].past] == ["case.launched", "account.approved"]
    assert "Approved for the next clean-up: not in the staff list" in text(page)


def spoil_activity(case: Case) -> None:
    Account.objects.filter(pk=case.account_id).update(incarnation="2001-01-01T00:00:00+00:00")


def dismiss_reviewer(case: Case) -> None:
    User.objects.filter(username="reviewer").update(is_active=False)


def let_it_lapse(case: Case) -> None:
    Case.objects.filter(pk=case.pk).update(approved_at=now() - timedelta(days=31))


@pytest.mark.parametrize("spoil", [spoil_activity, dismiss_reviewer, let_it_lapse])
def test_an_approval_that_no_longer_stands_is_not_carried_over(site: Site, spoil: Callable[[Case], None]) -> None:
    site.adopt(expires=60, notice=30)
    cleanup = site.launched("ana")
    site.put("ana", "would_revoke")
    Cleanup.objects.filter(pk=cleanup.pk).update(state="closed")
    spoil(site.case("ana"))
    act(site, cleanup, "again", all="again")
    (anew,) = site.workspace.cleanups.get(state="draft").cases.all()
    assert (anew.approved_by_login, anew.put_by_login) == ("operator", "")


def test_a_refused_case_says_what_to_do_and_offers_it_on_its_own_page(site: Site) -> None:
    cleanup = site.launched("ana")
    error = "The workspace refused the request (HTTP 409, user_owns_assets): The user owns 3 datasets. Read its reason."
    site.put("ana", "refused", outcome={"error": error, "status": 409, "error_code": "user_owns_assets"})
    Cleanup.objects.filter(pk=cleanup.pk).update(state="closed")
    page = text(site.get("case", number=cleanup.number, pk=site.case("ana").pk))
    assert "Owns 3 datasets: hand them over in Huwise, then try again." in page
    assert "Server response" in page
    assert "Put into the next draft" in page
    assert "Owns 3 datasets" in text(site.get("cleanup", number=cleanup.number))
    site.post("cases", {"act": "again", "case": site.case("ana").pk}, number=cleanup.number)
    assert site.workspace.cleanups.get(state="draft").cases.count() == 1
