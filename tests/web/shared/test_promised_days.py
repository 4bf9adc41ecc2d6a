"""A day that somebody was promised is the one of the e-mail, in TIME_ZONE, in whatever zone a reader's browser is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.utils.timezone import localtime, now, override

from accounts_review.audit.events import Event
from accounts_review.models import Account, Cleanup, Exemption, Workspace
from accounts_review.wording import instants
from accounts_review.workflow.people import emails
from accounts_review.workflow.people.changes import Change
from accounts_review.workflow.people.invitation import ends_at
from accounts_review.workflow.review import decide
from tests.web.records_kit import Site, text

WEST = "Pacific/Honolulu"
PROMISED = (now() + timedelta(days=20)).astimezone(UTC).replace(hour=5, minute=30)
DAY = instants.dated(PROMISED, "j M Y")
DAY_BEFORE = instants.dated(PROMISED - timedelta(days=1), "j M Y")


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    site = Site(client, workspace, person).sign_in("operator")
    site.client.cookies["portal_time_zone"] = WEST
    return site


@pytest.fixture
def running(site: Site) -> Cleanup:
    """A live clean-up that has warned somebody."""
    site.go_live()
    cleanup = site.launched("ana")
    answer = {"kind": "away", "at": now().isoformat(), "until": PROMISED.isoformat()}
    site.put("ana", "noticed", noticed_at=now(), promised_at=PROMISED, answer=answer)
    return cleanup


def test_every_page_names_the_day_of_the_mail(site: Site, running: Cleanup) -> None:
    account = Account.objects.get(username="ana").pk
    pages = {
        "clean-up": site.get("cleanup", number=running.number),
        "case": site.get("case", number=running.number, pk=site.case("ana").pk),
        "account": site.get("account", pk=account),
    }
    for name, page in pages.items():
        assert DAY in text(page), name
        assert DAY_BEFORE not in text(page), name
    assert f"away until {DAY}" in text(pages["case"])


def test_the_overview_foretells_the_end_of_a_notice_on_that_day(site: Site, running: Cleanup) -> None:
    coming = site.get("overview").context["coming"]
    ends = [each.at for each in coming if "notice period" in each.said]
    assert [localtime(at).date() for at in ends] == [PROMISED.date()]


def test_an_exemption_ends_on_the_day_that_was_given_for_whoever_reads_it(site: Site) -> None:
    site.people("ana")
    ana = Account.objects.get(username="ana")
    with override(WEST):
        until = instants.start_of(PROMISED.date())
    Exemption.objects.create(account=ana, until=until, reason="on leave", by_login="operator", at=now())
    page = text(site.get("account", pk=ana.pk))
    assert f"until {DAY}" in page
    assert DAY_BEFORE not in page


def test_the_overview_foretells_the_end_of_an_exemption_on_that_day(site: Site) -> None:
    site.people("ana")
    ana, until = Account.objects.get(username="ana"), instants.start_of(PROMISED.date())
    Exemption.objects.create(account=ana, until=until, reason="on leave", by_login="operator", at=now())
    ends = [each.at for each in site.get("overview").context["coming"] if "exemption" in each.said]
    with override(WEST):
        assert [localtime(at).date() for at in ends] == [PROMISED.date()]


def test_a_row_of_a_plan_ends_on_the_day_that_its_file_names() -> None:
    row = {"until": instants.start_of(PROMISED.date()), "reason": "on leave"}
    with override(WEST):
        said = render_to_string("accounts_review/review/cells/row_detail.html", {"record": row})
    assert instants.dated(PROMISED, "j F Y") in said


def test_a_refusal_names_the_longest_end_as_the_form_does(site: Site) -> None:
    site.people("ana")
    ana, at = Account.objects.get(username="ana"), PROMISED.replace(hour=0, minute=30)
    latest = decide.latest_end(site.workspace, now=at)
    act: dict[str, Any] = {"actor": site.person("reviewer"), "reason": "on leave", "now": at}
    with override(WEST), pytest.raises(decide.DecisionRefused, match=instants.promised(latest)):
        decide.exempt(accounts=[ana], until=latest + timedelta(days=2), **act)


def test_an_invitation_names_the_same_end_whoever_sends_it(site: Site) -> None:
    change = Change(event=Event.PERSON_ADDED, person=site.person("reviewer"), actor="ada")
    with override(WEST):
        (mail,) = emails._to_person(change, now=PROMISED, link="https://portal.example/x")
    assert instants.promised(ends_at(PROMISED)) in str(mail.body)


@pytest.mark.parametrize("zone", ["UTC", WEST, "Pacific/Auckland"])
def test_a_promised_day_is_read_and_written_in_the_portals_zone(zone: str) -> None:
    with override(zone):
        assert instants.portal_day(datetime(2026, 12, 28, 0, 30, tzinfo=UTC)).isoformat() == "2026-12-28"
        assert instants.promised(datetime(2026, 12, 28, 23, 30, tzinfo=UTC)) == "28 Dec 2026"
        assert instants.portal_day(instants.start_of(PROMISED.date())) == PROMISED.date()
