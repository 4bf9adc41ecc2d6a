"""A session ends after a while without a click, and after a longer while in any case; what was sent is not lost."""

from __future__ import annotations

from collections.abc import Callable
from time import time

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import Workspace
from tests.web.kit import sign_in
from tests.web.records_kit import Site

HOUR = 3600


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("reviewer")


def age(site: Site, *, began: float, seen: float) -> None:
    """As if the session had begun, and somebody had clicked last, so many seconds ago."""
    session = site.client.session
    session["began_at"], session["seen_at"] = time() - began, time() - seen
    session.save()


@pytest.mark.parametrize(
    ("began", "seen", "is_over"),
    [
        (1.9 * HOUR, 1.9 * HOUR, False),
        (3 * HOUR, 2.1 * HOUR, True),
        (11.9 * HOUR, 60, False),
        (12.1 * HOUR, 60, True),
    ],
)
def test_it_ends_after_inactivity_and_in_any_case(site: Site, began: float, seen: float, *, is_over: bool) -> None:
    age(site, began=began, seen=seen)
    assert (site.get("review").status_code == 302) is is_over


def test_a_page_that_looks_again_by_itself_keeps_no_session_alive(site: Site) -> None:
    age(site, began=HOUR, seen=HOUR)
    site.get("news")
    assert time() - site.client.session["seen_at"] >= HOUR
    site.get("review")
    assert time() - site.client.session["seen_at"] < HOUR


def test_a_decision_in_the_middle_of_which_it_ended_is_offered_again(site: Site) -> None:
    (ana,) = site.people("ana.idle")
    age(site, began=13 * HOUR, seen=60)
    fields = {"decision": "approve", "account": str(ana.pk), "reason": "left in 2021"}
    answer = site.post("decide", fields)
    assert answer["Location"] == "/accounts/login/?next=%2Fgo-on%2F"
    reviewer = site.person("reviewer")
    reviewer.set_password("correct horse battery")
    reviewer.save()
    site.client.post(answer["Location"], {"login": "reviewer", "password": "correct horse battery"})
    kept = site.client.get("/go-on/").context["kept"]
    site.client.post(kept["to"], dict(kept["fields"]))
    assert site.case("ana.idle").state == "in_draft"


def test_what_one_person_sent_is_offered_to_nobody_else(site: Site) -> None:
    age(site, began=13 * HOUR, seen=60)
    site.post("decide", {"decision": "approve", "account": "1", "reason": "left in 2021"})
    other = site.person("operator")
    kept = site.client.session["kept_form"]
    sign_in(site.client, other)
    session = site.client.session
    session["kept_form"] = kept
    session.save()
    assert site.client.get("/go-on/").status_code == 302
