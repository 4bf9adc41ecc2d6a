"""The clean-ups: the basket, the running one with its progress, and the report of a past one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Assessment, Cleanup, Workspace
from accounts_review.workflow import brake
from accounts_review.workflow.launch import launch
from accounts_review.workflow.review import decide
from tests.factories import make_cleanup
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


def close(cleanup: Cleanup) -> None:
    Cleanup.objects.filter(pk=cleanup.pk).update(state="closed", closed_at=now())


# The list


def test_the_draft_is_a_basket(site: Site) -> None:
    draft = site.draft("ana", "ben")
    page = text(site.get("cleanups"))
    assert "accounts approved" in page
    assert site.at("launch", number=draft.number) in page


def test_who_may_not_launch_is_not_offered_to(site: Site) -> None:
    draft = site.draft("ana")
    assert site.at("launch", number=draft.number) not in text(site.sign_in("reviewer").get("cleanups"))


def test_past_ones_say_what_became_of_their_cases(site: Site) -> None:
    cleanup = site.launched("ana", "ben", "cy")
    for name, state in (("ana", "would_revoke"), ("ben", "would_revoke"), ("cy", "spared")):
        site.put(name, state)
    close(cleanup)
    (row,) = site.get("cleanups").context["table"].rows
    assert [row.get_cell_value(name) for name in ("size", "would_revoke", "spared", "failed")] == ["3", "2", "1", "0"]


def test_the_list_asks_as_much_for_many_as_for_few(site: Site, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        make_cleanup(site.workspace, number=100 + number, state="closed", launched_at=now())
    with django_assert_max_num_queries(12):
        site.get("cleanups")


# The draft


def test_the_draft_shows_why_each_is_in_it(site: Site) -> None:
    page = text(site.get("cleanup", number=site.draft("ana", reason="left in spring").number))
    assert "2 years, 8 months ago" in page
    assert "left in spring" in page
    assert "reviewer" in page


def test_one_who_came_back_is_pointed_out(site: Site) -> None:
    draft = site.draft("ana")
    Assessment.objects.filter(account__username="ana").update(dormant_from=now() + timedelta(days=9))
    assert "now; it would be spared" in text(site.get("cleanup", number=draft.number))


def test_who_may_not_decide_sees_no_button(site: Site) -> None:
    draft = site.draft("ana")
    assert b"Take out" not in site.sign_in("auditor").get("cleanup", number=draft.number).content


# Under way


def test_progress_counts_and_polls(site: Site) -> None:
    cleanup = site.launched("ana", "ben")
    site.put("ana", "would_revoke")
    page = text(site.get("progress", htmx=True, number=cleanup.number))
    assert "1 of 2 done" in page
    assert 'hx-trigger="every 2s"' in page
    assert "<html" not in page


def test_failures_come_first_with_their_reason(site: Site) -> None:
    cleanup = site.launched("ana", "ben", "cy")
    site.put("ana", "spared", outcome={"why": [{"code": "new_rights", "detail": "edit_domain"}]})
    refused = {"error_code": "last_domain_administrator", "error": "no", "status": 400, "trace_id": "t-77"}
    site.put("ben", "refused", outcome=refused)
    page = site.get("progress", htmx=True, number=cleanup.number)
    assert [tile.state for tile in page.context["progress"].tiles] == ["refused", "spared", "due"]
    assert "Is the last administrator of the workspace: name another one in Huwise" in text(page)


@pytest.mark.parametrize("state", ["paused", "closed", "cancelled", "awaiting_confirmation"])
def test_polling_stops_when_nothing_moves(site: Site, state: str) -> None:
    cleanup = site.launched("ana")
    Cleanup.objects.filter(pk=cleanup.pk).update(state=state)
    answer = site.get("progress", {"was": "running"}, htmx=True, number=cleanup.number)
    assert b"hx-trigger" not in answer.content
    assert b"hx-get" not in answer.content
    assert answer["HX-Refresh"] == "true"


def test_the_table_is_read_anew_when_a_case_has_moved(site: Site) -> None:
    cleanup = site.launched("ana", "ben")
    mark = site.get("progress", htmx=True, number=cleanup.number).context["progress"].mark
    still = site.get("progress", {"seen": mark}, htmx=True, number=cleanup.number)
    assert "HX-Trigger" not in still
    site.put("ana", "spared", outcome={"why": []})
    assert site.get("progress", {"seen": mark}, htmx=True, number=cleanup.number)["HX-Trigger"] == "cases-moved"
    table = site.get("cleanup", {"state": "spared"}, htmx=True, number=cleanup.number)
    assert f'hx-get="{site.at("cleanup", number=cleanup.number)}?state=spared"' in text(table)


def test_while_the_state_stays_the_page_is_not_read_anew(site: Site) -> None:
    cleanup = site.launched("ana")
    assert "HX-Refresh" not in site.get("progress", {"was": "running"}, htmx=True, number=cleanup.number)


def test_those_who_wait_for_a_date_are_looked_at_less_often(site: Site) -> None:
    site.go_live()
    cleanup = site.launched("ana")
    site.put("ana", "noticed", noticed_at=now(), promised_at=now() + timedelta(days=30))
    page = text(site.get("progress", htmx=True, number=cleanup.number))
    assert "every 15s" in page
    assert "Nobody who was warned loses access before" in page


def test_the_fragment_alone_is_no_page(site: Site) -> None:
    cleanup = site.launched("ana")
    assert site.get("progress", number=cleanup.number)["Location"] == site.at("cleanup", number=cleanup.number)


@pytest.mark.parametrize(("verb", "before", "after"), [("pause", "running", "paused"), ("resume", "paused", "running")])
def test_pause_and_resume_take_a_reason(site: Site, verb: str, before: str, after: str) -> None:
    cleanup = site.launched("ana")
    Cleanup.objects.filter(pk=cleanup.pk).update(state=before)
    assert "Give a reason; it is recorded in the audit." in text(
        site.follow("turn", {"reason": "  "}, number=cleanup.number, verb=verb)
    )
    site.post("turn", {"reason": "ask the council"}, number=cleanup.number, verb=verb)
    cleanup.refresh_from_db()
    assert cleanup.state == after
    assert ("accounts_review.tasks.jobs.revoke_batch" in site.enqueued) is (verb == "resume")


def test_cancelling_lets_everyone_keep_access(site: Site) -> None:
    cleanup = site.launched("ana")
    site.post("turn", {"reason": "a mistake"}, number=cleanup.number, verb="cancel")
    assert site.case("ana").state == "withdrawn"
    assert "withdrawn from the clean-up" in text(site.get("cleanup", number=cleanup.number))


def test_a_step_that_is_not_allowed_is_explained(site: Site) -> None:
    cleanup = site.launched("ana")
    close(cleanup)
    for verb in ("pause", "cancel"):
        answer = site.follow("turn", {"reason": "too late"}, number=cleanup.number, verb=verb)
        said = f"Clean-up {cleanup.number} is now “closed”, so this can no longer be done. Nothing was changed."
        assert said in text(answer)


def test_an_unknown_step_is_not_found(site: Site) -> None:
    assert site.post("turn", number=site.launched("ana").number, verb="explode").status_code == 404


def test_the_second_person_confirms_and_never_the_first(site: Site) -> None:
    site.adopt(two_people=True)
    cleanup = site.launched("ana")
    page = text(site.get("cleanup", number=cleanup.number))
    assert "Nobody else can confirm this clean-up." in page
    assert "another person has to confirm it" in text(site.follow("turn", number=cleanup.number, verb="confirm"))
    site.sign_in("administrator")
    assert "Review and confirm" in text(site.get("cleanup", number=cleanup.number))
    site.post("turn", number=cleanup.number, verb="confirm")
    cleanup.refresh_from_db()
    assert (cleanup.state, cleanup.confirmed_by) == ("running", "administrator")
    assert "accounts_review.tasks.jobs.revoke_batch" in site.enqueued


def test_what_stopped_it_is_said_with_what_to_do(site: Site) -> None:
    cleanup = site.launched("ana")
    why = "The workspace does not accept the API key (HTTP 401)."
    found = {"code": "api", "kind": "Unauthorized", "error": why}
    Cleanup.objects.filter(pk=cleanup.pk).update(state="paused", stopped_because=found)
    audit.log([cleanup], kind=Event.CLEANUP_STOPPED, actor="portal", now=now(), data={"why": found})
    page = text(site.get("cleanup", number=cleanup.number))
    assert "Paused automatically." in page
    assert why in page
    assert "Check HUWISE_API_KEY" in page
    assert "Then resume or cancel it." in page


def test_a_pause_names_who_paused(site: Site) -> None:
    cleanup = site.launched("ana")
    launch.pause(cleanup=cleanup, actor=site.person("administrator"), reason="holidays", now=now())
    assert "Paused by administrator." in text(site.get("cleanup", number=cleanup.number))


def test_a_live_one_in_a_workspace_in_dry_run_says_why_it_waits(site: Site) -> None:
    site.go_live()
    cleanup = site.launched("ana")
    Workspace.objects.update(mode="dry-run")
    assert "was switched to dry run" in text(site.get("cleanup", number=cleanup.number))


def test_what_holds_it_back_is_named_with_the_time_at_which_it_ends(site: Site) -> None:
    site.go_live()
    site.adopt(per_hour=1)
    cleanup = site.launched("ana", "ben")
    Workspace.objects.update(key_owner="svc.cleanup")
    intended = now()
    audit.log([cleanup], kind=Event.CASE_INTENDED, actor="portal", now=intended)
    ends = timezone.localtime(intended + timedelta(hours=1, seconds=59)).strftime("%H:%M")
    for page in (site.get("cleanup", number=cleanup.number), site.get("cleanups"), site.get("overview")):
        assert f"ourly limit reached; continues at {ends}" in text(page)


def test_a_workspace_that_fails_is_named_where_somebody_waits_for_it(site: Site) -> None:
    site.go_live()
    site.adopt()
    cleanup = site.launched("ana")
    failure = {"code": "api", "kind": "ServerFault", "error": "The workspace reported an error (HTTP 503)."}
    Workspace.objects.update(key_owner="svc.cleanup", failure=failure)
    page = text(site.get("cleanup", number=cleanup.number))
    assert "No removals for now." in page
    assert "The workspace reported an error (HTTP 503)." in page
    assert f"Clean-up {cleanup.number} is waiting: The workspace reported an error." in text(site.get("overview"))
    site.put("ana", "revoked")
    assert "No removals for now." not in text(site.get("cleanup", number=cleanup.number))


def test_too_many_objections_are_told_in_numbers(site: Site) -> None:
    site.go_live()
    cleanup = site.launched("ana")
    figures = {"count": 11, "people": 40, "share": "10", "kept": 8, "back": 2, "bounced": 1}
    brake.stop(cleanup, {"code": "pause_at_regret", **figures}, now=now())
    page = text(site.get("cleanup", number=cleanup.number))
    assert "Too many objections, 11 of 40 people (limit 10 %): 8 want to keep their account, 2 signed in again" in page
    assert "Paused automatically." in page
    assert "Too many objections" in text(site.get("overview"))
    assert "the clean-up paused automatically: Too many objections" in text(site.get("audit"))


def test_who_may_not_operate_sees_no_levers(site: Site) -> None:
    cleanup = site.launched("ana")
    page = site.sign_in("reviewer").get("cleanup", number=cleanup.number)
    assert b"Pause" not in page.content
    assert b"Cancel" not in page.content


def test_whoever_was_taken_out_of_the_draft_is_in_no_year(site: Site) -> None:
    site.go_live()
    cleanup = site.draft("ana", "ben")
    decide.withdraw(accounts=[site.case("ana").account], actor=site.person("reviewer"), reason="back soon", now=now())
    launch.launch(cleanup=cleanup, actor=site.person("operator"), now=now())

    (year,) = site.get("cleanups").context["years"]

    assert (year.cleanups, year.accounts) == (1, 1)
