"""Decisions: they happen to all the accounts or to none, and say which; what was approved can be undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import localdate, now

from accounts_review.models import Account, AuditEntry, Case, Exemption, Workspace
from accounts_review.rules.lifecycle import CaseState
from accounts_review.web.review.forms import DecisionForm
from accounts_review.workflow.review import decide
from tests.factories import make_account, make_workspace
from tests.web.kit import Desk, in_days, read, someone, text_of

NEXT_MONTH = in_days(30).isoformat()


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    return Desk(person("reviewer"), workspace)


@pytest.fixture
def people(desk: Desk) -> list[Account]:
    return read(desk.workspace, someone("ana"), someone("bob"), someone("cyd"))


def in_draft() -> set[str]:
    return set(Case.objects.filter(state=CaseState.IN_DRAFT).values_list("account__username", flat=True))


def undo_in(answer: Any) -> dict[str, Any]:
    """The fields of the undo form in the answer."""
    said = answer.content.decode()
    start = said.index('name="decided_at" value="') + len('name="decided_at" value="')
    return {"scope": "undo", "reason": "undone", "decided_at": said[start : said.index('"', start)]}


@pytest.mark.parametrize(("role", "status"), [("nobody", 404), ("auditor", 403)])
def test_who_may_not_decide_changes_nothing(
    workspace: Workspace, person: Callable[[str], User], role: str, status: int, people: list[Account]
) -> None:
    assert Desk(person(role), workspace).decide("approve", people[0]).status_code == status
    assert in_draft() == set()


def test_only_a_post_decides(desk: Desk) -> None:
    assert desk.client.get(desk.url("decide")).status_code == 405


def test_approve(desk: Desk, people: list[Account]) -> None:
    answer = desk.decide("approve", *people[:2], follow=True)

    assert in_draft() == {"ana", "bob"}
    assert "2 approved." in text_of(answer)
    assert Case.objects.get(account=people[0]).reason == "dormant under the policy"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "abc", "?verdict=all", "home"])
def test_it_leads_back_to_a_page_of_the_portal_alone(desk: Desk, people: list[Account], elsewhere: str) -> None:
    assert desk.decide("approve", people[0], next=elsewhere)["Location"] == desk.url("review")
    assert in_draft() == {"ana"}


def test_approve_with_a_reason(desk: Desk, people: list[Account]) -> None:
    desk.decide("approve", people[0], reason="Left", until="rubbish")

    assert Case.objects.get().reason == "Left"


def test_exempt(desk: Desk, people: list[Account]) -> None:
    answer = desk.decide("exempt", people[0], reason="On leave", until=NEXT_MONTH, follow=True)

    assert localdate(Exemption.objects.get(account=people[0]).until) == date.fromisoformat(NEXT_MONTH)
    assert "1 account exempt until" in text_of(answer)

    desk.decide("withdraw", **undo_in(answer))

    assert not Exemption.objects.in_force(now()).exists()


def test_leave_for_later_and_take_up_again(desk: Desk, people: list[Account]) -> None:
    answer = desk.decide("snooze", *people[:2], follow=True)

    assert "2 accounts snoozed." in text_of(answer)
    assert desk.names() == ["cyd"]
    assert desk.names("?verdict=all&state=later") == ["ana", "bob"]
    assert not Case.objects.exists()

    desk.decide("withdraw", **undo_in(answer))

    assert desk.names() == ["ana", "bob", "cyd"]


def test_withdraw(desk: Desk, people: list[Account]) -> None:
    desk.decide("approve", people[0])

    answer = desk.decide("withdraw", people[0], reason="Too soon", follow=True)

    assert in_draft() == set()
    assert "1 decision withdrawn." in text_of(answer)


@pytest.mark.parametrize(
    ("decision", "fields", "why"),
    [
        ("exempt", {"until": NEXT_MONTH}, "Reason: Give a reason; it is kept with the decision."),
        ("exempt", {"reason": "x"}, "Exempt until: An exemption needs an end date."),
        ("exempt", {"reason": "x", "until": 0}, "a date from tomorrow to"),
        ("exempt", {"reason": "x", "until": 1826}, "a date from tomorrow to"),
        ("exempt", {"reason": "x", "until": "soon"}, "Exempt until: Enter a valid date."),
        ("withdraw", {}, "Reason: Give a reason; it is kept with the decision."),
        ("delete", {"reason": "x"}, "delete is not one of the available choices"),
        ("approve", {"account": ["1; DROP"]}, "Some of these are not accounts."),
        ("approve", {"seen": str(10**20)}, "Ensure this value is less than or equal to"),
        ("approve", {"account": ["-1"]}, "Some of these are not accounts."),
        ("approve", {"reason": "x" * 501}, "Reason: Ensure this value has at most 500 characters"),
        ("withdraw", {"reason": "x" * 501}, "Reason: Ensure this value has at most 500 characters"),
    ],
)
@pytest.mark.parametrize("htmx", [False, True])
def test_what_is_missing_is_asked_for(
    desk: Desk, people: list[Account], decision: str, fields: dict[str, Any], why: str, htmx: bool
) -> None:
    until = fields.get("until")
    given = fields | {"until": in_days(until).isoformat()} if isinstance(until, int) else fields
    answer = desk.decide(decision, people[0], htmx=htmx, **given)

    assert answer.status_code == 422
    assert "Nothing was changed." in text_of(answer)
    assert why in text_of(answer)
    assert in_draft() == set()
    assert not Exemption.objects.exists()


def test_a_refusal_names_at_most_ten_and_changes_nothing(desk: Desk, people: list[Account]) -> None:
    bosses = read(desk.workspace, *(someone(f"boss{n:02}", permissions=["edit_domain"]) for n in range(12)))

    answer = desk.decide("approve", people[0], *bosses)

    assert answer.status_code == 409
    assert "boss09: it is protected; holds the protected right edit_domain" in text_of(answer)
    assert "boss10" not in text_of(answer)
    assert "and 2 more" in text_of(answer)
    assert in_draft() == set()


def test_a_refusal_by_htmx_leaves_the_ticks(desk: Desk, people: list[Account]) -> None:
    desk.decide("approve", people[0])

    answer = desk.decide("approve", *people, htmx=True)

    assert answer.status_code == 409
    assert answer["HX-Reswap"] == "none"
    assert 'id="messages" hx-swap-oob="true"' in text_of(answer)
    assert "ana: it is already in a clean-up" in text_of(answer)
    assert in_draft() == {"ana"}


def test_a_hostile_username_is_refused_as_text(desk: Desk) -> None:
    (account,) = read(desk.workspace, someone("<script>alert(1)</script>", permissions=["edit_domain"]))

    for htmx in (False, True):
        said = text_of(desk.decide("approve", account, htmx=htmx))
        assert "<script>alert" not in said
        assert "&lt;script&gt;alert(1)&lt;/script&gt;: it is protected" in said


def test_nothing_ticked_is_nothing_done(desk: Desk, people: list[Account]) -> None:
    answer = desk.decide("approve")

    assert answer.status_code == 409
    assert "Select at least one account first." in text_of(answer)


def test_accounts_of_another_workspace_are_not_here(desk: Desk, people: list[Account]) -> None:
    other = make_workspace()
    theirs = make_account(other, "theirs")

    answer = desk.decide("approve", people[0], theirs)

    assert answer.status_code == 409
    assert "no longer in this list" in text_of(answer)
    assert in_draft() == set()


def test_nobody_decides_on_their_own_account(desk: Desk) -> None:
    (own,) = read(desk.workspace, someone("reviewer"))

    assert "you cannot decide on your own account" in text_of(desk.decide("approve", own))


def test_a_race_lost_is_told(desk: Desk, people: list[Account], monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(**_kwargs: Any) -> None:
        raise decide.DecisionRefused([decide.AccountRefusal("ana", "somebody was faster")])

    monkeypatch.setattr(decide, "approve", lose)

    assert "ana: somebody was faster" in text_of(desk.decide("approve", people[0]))


def test_after_a_decision_htmx_gets_the_fragment_and_the_news(desk: Desk, people: list[Account]) -> None:
    answer = desk.decide("approve", people[0], htmx=True, follow=True, next=desk.url("review", "?verdict=dormant"))

    assert answer.redirect_chain == [(desk.url("review", "?verdict=dormant"), 302)]


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/x", "javascript:alert(1)", "", "http:///x"]
)
def test_a_foreign_next_is_not_followed(desk: Desk, people: list[Account], target: str) -> None:
    answer = desk.decide("approve", people[0], next=target)

    assert answer["Location"] == desk.url("review")


def test_the_same_filtered_page_comes_back(desk: Desk, people: list[Account]) -> None:
    here = desk.url("review", "?verdict=dormant&q=a&page=1")

    assert desk.decide("approve", people[0], next=here)["Location"] == here


def test_undo_takes_back_exactly_what_was_approved(desk: Desk, people: list[Account]) -> None:
    desk.decide("approve", people[2], follow=True)
    answer = desk.decide("approve", *people[:2], follow=True)

    undone = desk.decide("withdraw", **undo_in(answer), follow=True)

    assert in_draft() == {"cyd"}
    assert "Undone: 2 accounts are open again." in text_of(undone)
    assert "There is nothing left to undo." in text_of(desk.decide("withdraw", **undo_in(answer)))


def test_undo_is_only_for_who_approved(
    desk: Desk, people: list[Account], person: Callable[[str], User], workspace: Workspace
) -> None:
    undo = undo_in(desk.decide("approve", people[0], follow=True))

    answer = Desk(person("operator"), workspace).decide("withdraw", **undo)

    assert answer.status_code == 409
    assert in_draft() == {"ana"}


@pytest.mark.parametrize(
    "stamp", ["", "rubbish", "2026-13-45T00:00", "2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00"]
)
def test_an_undo_of_nothing_is_refused(desk: Desk, people: list[Account], stamp: str) -> None:
    answer = desk.decide("withdraw", scope="undo", reason="x", decided_at=stamp)

    assert answer.status_code == 409


def test_a_decision_is_in_the_audit(desk: Desk, people: list[Account]) -> None:
    desk.decide("approve", people[0], reason="Left")

    entry = AuditEntry.objects.get(kind="account.approved")
    assert (entry.actor, entry.subject, entry.details["reason"]) == ("reviewer", "ana", "Left")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_date_field_holds_a_day_that_browsers_understand(desk: Desk, people: list[Account], language: str) -> None:
    desk.client.cookies["django_language"] = language
    day = in_days(180).isoformat()
    for page in (desk.url("review"), desk.url("account", pk=people[0].pk)):
        assert f'type="date" name="until" value="{day}"' in text_of(desk.client.get(page))


@pytest.mark.parametrize("today", ["2026-05-17", "2026-05-18", "2026-11-27", "2027-08-18"])
def test_june_is_among_the_days_that_exempt_at_one_click(today: str) -> None:
    at = datetime.fromisoformat(f"{today}T12:00:00+00:00")
    ends = DecisionForm(now=at, latest=at + timedelta(days=1825)).ends

    assert len(ends) == 4
    assert [day.month for day in ends].count(6) == 1
    assert timedelta(days=14) <= ends[0] - at.date()
    assert ends[-1] - at.date() <= timedelta(days=380)


def test_no_day_later_than_the_policy_allows_is_offered() -> None:
    at = datetime.fromisoformat("2026-11-27T12:00:00+00:00")
    assert DecisionForm(now=at, latest=at + timedelta(days=120)).ends == [date(2027, 3, 1)]


def test_a_day_at_one_click_is_what_counts(desk: Desk, people: list[Account]) -> None:
    sent = {"account": people[0].pk, "reason": "On leave", "until": "rubbish", "exempt_until": NEXT_MONTH}

    assert desk.client.post(desk.url("decide"), sent).status_code == 302

    exemption = Exemption.objects.get()
    assert (exemption.account, localdate(exemption.until).isoformat()) == (people[0], NEXT_MONTH)


def test_a_day_at_one_click_needs_a_reason_and_is_a_day(desk: Desk, people: list[Account]) -> None:
    for sent in ({"exempt_until": NEXT_MONTH}, {"exempt_until": "rubbish", "reason": "On leave"}):
        assert desk.client.post(desk.url("decide"), sent | {"account": people[0].pk}).status_code == 422

    assert not Exemption.objects.exists()
