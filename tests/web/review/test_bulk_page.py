"""More accounts than a person can wait for: confirmed as ever, left to the worker, followed on a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from django_q.models import OrmQ

from accounts_review.models import Account, BulkDecision, Case, Exemption, Workspace
from accounts_review.tasks import jobs
from accounts_review.web.review import counts, views
from tests.web.kit import HTMX, Desk, in_days, read, someone, text_of

NEXT_MONTH = in_days(30).isoformat()


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(views, "WHILE_ONE_WAITS", 2)
    desk = Desk(person("reviewer"), workspace)
    read(workspace, *(someone(name) for name in ("ana", "bob", "cyd", "dan")))
    return desk


def work() -> None:
    """What the worker does with what it is asked for."""
    for asked in OrmQ.objects.order_by("pk"):
        if asked.func().endswith("bulk_decision_job"):
            asked.delete()
            jobs.bulk_decision_job(*asked.args())


def page(desk: Desk, *, htmx: bool = False) -> Any:
    found = BulkDecision.objects.first()
    assert found
    return desk.client.get(desk.url("bulk_decision", pk=found.pk), headers=HTMX if htmx else {})


def post(desk: Desk, verb: str) -> str:
    found = BulkDecision.objects.first()
    assert found
    return text_of(desk.client.post(desk.url("bulk_decision", pk=found.pk), {"verb": verb}, follow=True))


def test_very_many_are_approved_by_the_worker_and_followed_on_a_page(desk: Desk) -> None:
    answer = desk.decide("approve", follow=True, **desk.everyone("?verdict=dormant"))

    assert "Approve 4 accounts" in text_of(answer)
    assert "It starts in a moment." in text_of(answer)
    assert "0 of 4 accounts" in text_of(answer)
    assert not Case.objects.exists()
    assert "Bulk decision …" in text_of(desk.see()), "found again from any page"
    assert "hx-trigger" in page(desk, htmx=True).content.decode()
    work()
    ended = page(desk, htmx=True)
    assert ended["HX-Refresh"] == "true"
    assert "hx-trigger" not in ended.content.decode()
    shown = text_of(page(desk))
    assert "4 of 4 accounts" in shown
    assert "4 accounts decided on." in shown
    assert "Review and launch" in shown
    assert "Bulk decision ended" in text_of(desk.see())
    assert {case.reason for case in Case.objects.all()} == {"dormant under the policy"}


def test_a_page_with_scripts_is_sent_on_to_it(desk: Desk) -> None:
    answer = desk.decide("approve", htmx=True, **desk.everyone("?verdict=dormant"))
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == desk.url("bulk_decision", pk=BulkDecision.objects.get().pk)


def test_of_more_than_are_counted_all_can_be_chosen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "MOST_COUNTED", 2)
    read(desk.workspace, *(someone(f"n{number:02}") for number in range(12)))
    assert "Select all that match" in text_of(desk.see("?q=n&per_page=10"))
    assert "All 14 accounts that match are selected." in text_of(desk.see("?q=n&per_page=10&scope=all"))


def test_a_list_that_changed_is_refused_as_ever(desk: Desk) -> None:
    fields = desk.everyone("?verdict=dormant")
    read(desk.workspace, someone("eve"))
    answer = desk.decide("approve", **fields)
    assert answer.status_code == 409
    assert not BulkDecision.objects.exists()


def test_exempted_and_undone(desk: Desk) -> None:
    desk.decide("exempt", reason="Merger", until=NEXT_MONTH, **desk.everyone("?q=ville"))
    work()
    assert Exemption.objects.in_force(now()).count() == 4
    assert "Exempt 4 accounts until" in text_of(page(desk))
    assert "Undo on 4 accounts" in text_of(page(desk))

    assert "Withdraw the decisions on 4 accounts" in post(desk, "undo")
    work()

    assert not Exemption.objects.in_force(now()).exists()
    undone = text_of(page(desk))
    assert "Undo" not in undone
    assert "4 decisions withdrawn." in undone
    assert "decided on" not in undone


def test_it_is_cancelled_on_its_page(desk: Desk) -> None:
    desk.decide("approve", **desk.everyone("?verdict=dormant"))
    assert "Cancelled. What was decided before stays." in post(desk, "cancel")
    work()
    assert not Case.objects.exists()
    assert "This decision has already ended." in post(desk, "cancel")


def test_who_was_skipped_is_named_with_the_reason(desk: Desk) -> None:
    read(desk.workspace, *(someone(f"boss{n:02}", permissions=["edit_domain"]) for n in range(11)))
    desk.decide("approve", **desk.everyone("?verdict=all"))
    work()
    shown = text_of(page(desk))
    assert "4 accounts decided on. 11 accounts skipped." in shown
    assert "boss00: it is protected" in shown
    assert "and 1 more" in shown


def test_one_that_stopped_is_confirmed_again_by_its_person_alone(desk: Desk, person: Callable[[str], User]) -> None:
    desk.decide("approve", **desk.everyone("?verdict=dormant"))
    BulkDecision.objects.update(heartbeat_at=now() - timedelta(hours=2))
    work()
    assert "nobody worked on it for an hour" in text_of(page(desk))
    other = Desk(person("operator"), desk.workspace)
    assert "Continue" not in text_of(page(other))
    assert "Only reviewer, who confirmed it, can continue it." in post(other, "again")
    post(desk, "again")
    work()
    assert Case.objects.count() == 4


def test_who_only_reads_sees_it_and_changes_nothing(desk: Desk, person: Callable[[str], User]) -> None:
    desk.decide("approve", **desk.everyone("?verdict=dormant"))
    auditor = Desk(person("auditor"), desk.workspace)
    assert "0 of 4 accounts" in text_of(page(auditor))
    assert "<button" not in page(auditor).content.decode().partition("progress-title")[2].partition("</section>")[0]
    found = BulkDecision.objects.get()
    for verb in ("cancel", "again", "undo"):
        answer = auditor.client.post(auditor.url("bulk_decision", pk=found.pk), {"verb": verb})
        assert answer.status_code == 403
    assert BulkDecision.objects.get().state == "running"


def test_in_another_workspace_it_is_not_found(desk: Desk, person: Callable[[str], User]) -> None:
    desk.decide("approve", **desk.everyone("?verdict=dormant"))
    stranger = Desk(person("nobody"), desk.workspace)
    assert page(stranger).status_code == 404
    assert Account.objects.count() == 4
