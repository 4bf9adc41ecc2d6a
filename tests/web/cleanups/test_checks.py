"""What a draft is checked for before its launch: each thing in words, with what to do, and whom it is about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Account, Assessment, Case, Cleanup, Workspace
from accounts_review.rules import policy
from accounts_review.web.cleanups.basket import Basket, _split
from accounts_review.web.cleanups.checks import LaunchCheck, checks
from accounts_review.workflow.launch import launch
from accounts_review.workflow.notify.pace import Pace
from accounts_review.workflow.review import decide
from tests.factories import give_role, make_group
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


def look(site: Site, draft: Cleanup, *, pace: Pace = Pace()) -> list[LaunchCheck]:  # noqa: B008 (it is frozen)
    draft = Cleanup.objects.select_related("workspace").get(pk=draft.pk)
    return checks(Basket(cleanup=draft, actor=site.person("operator"), now=now(), pace=pace))


def worries(site: Site, draft: Cleanup, *, pace: Pace = Pace()) -> dict[str, list[str]]:  # noqa: B008
    """What is not in order, and whom it is about."""
    found = [check for check in look(site, draft, pace=pace) if check.level != "ok"]
    return {check.says: [case.account.username for case in check.cases.first] for check in found}


def test_a_sound_draft_has_nothing_to_look_at(site: Site) -> None:
    draft = site.draft("ana", "ben")
    assert worries(site, draft) == {}
    said = " ".join(check.says for check in look(site, draft))
    assert "Within the limits: 2 of at most" in said
    assert "Every account in it is still dormant." in said


def test_an_empty_one_is_not_checked(site: Site) -> None:
    draft = site.draft("ana")
    site.put("ana", "withdrawn")
    assert look(site, draft) == []


def test_those_beyond_the_limit_are_named(site: Site) -> None:
    site.adopt(per_cleanup=1)
    site.people("older", idle=2000)
    draft = site.draft("ana", "ben")
    assert worries(site, draft) == {
        "1 account is over the limit of 1 and stays for the next draft.": ["ben"],
    }


def test_two_people_are_named_or_missing(site: Site) -> None:
    site.adopt(two_people=True)
    draft = site.draft("ana")
    (says,) = worries(site, draft)
    assert "nobody else can confirm" in says
    site.person("administrator")
    (says,) = worries(site, draft)
    assert says.endswith("has to confirm this launch: administrator.")


def test_an_approval_that_expires_before_its_date_is_pointed_out(site: Site) -> None:
    draft = site.draft("ana", "ben")
    Case.objects.filter(account__username="ana").update(approved_at=now() - timedelta(days=40))
    assert worries(site, draft) == {}, "in dry run nothing is waited for"
    site.go_live()
    assert worries(site, draft) == {
        "1 approval expires before its account can be revoked; the person would be warned and then spared.": ["ana"]
    }


def test_the_last_wave_counts_for_what_expires(site: Site) -> None:
    site.go_live()
    draft = site.draft("ana", "ben")
    Case.objects.update(approved_at=now() - timedelta(days=29, hours=1))
    assert worries(site, draft) == {}
    slow = Pace(per_hour=1, hours=(12, 13))
    assert list(worries(site, draft, pace=slow).values()) == [["ana", "ben"]]


def test_an_approver_who_may_no_longer_is_pointed_out(site: Site) -> None:
    draft = site.draft("ana")
    give_role(site.person("reviewer"), "")
    (says,) = worries(site, draft)
    assert "may no longer decide (reviewer)" in says


def test_ones_own_account_is_pointed_out(site: Site) -> None:
    draft = site.draft("ana", "operator")
    assert worries(site, draft) == {"Your own account is in this draft.": ["operator"]}


def test_ones_own_address_is_known_however_it_is_written(site: Site) -> None:
    draft = site.draft("ana", "ben", "cy")
    User.objects.filter(pk=site.person("operator").pk).update(email="op\u212a@ville.example")
    for name, email in {
        "ana": "OPK@Ville.example",
        "ben": "op.k@ville.example",
        "cy": "op\u212a@ville.example",
    }.items():
        Account.objects.filter(username=name).update(email=email)
    (names,) = worries(site, draft).values()
    assert sorted(names) == ["ana", "cy"]


def test_those_beyond_the_limit_are_the_last_to_become_dormant_be_it_at_the_same_time(site: Site) -> None:
    site.adopt(per_cleanup=2)
    draft = site.draft("ana", "ben", "cy", "dan")
    Assessment.objects.update(dormant_from=now() - timedelta(days=9))
    Assessment.objects.filter(account__username="dan").update(dormant_from=now() - timedelta(days=10))
    assert list(worries(site, draft).values()) == [["ben", "cy"]]
    Assessment.objects.filter(account__username="dan").delete()
    assert worries(site, draft) == {"2 accounts are over the limit of 2 and stay for the next draft.": ["cy", "dan"]}
    Assessment.objects.filter(account__username__in=["ben", "cy"]).delete()
    assert ["cy", "dan"] in worries(site, draft).values()


def test_a_limit_is_not_to_be_raised_where_it_is_the_highest(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.adopt(per_cleanup=2)
    draft = site.draft("ana", "ben", "cy")
    assert "or raise the policy&#x27;s limits" in text(site.get("launch", number=draft.number))
    monkeypatch.setitem(policy.CEILINGS, "per_cleanup", 2)
    page = text(site.get("launch", number=draft.number))
    assert "Launch in several rounds." in page
    assert "raise the policy" not in page


@pytest.mark.parametrize("left", [[], ["ana"], ["ana", "ben"]])
def test_who_is_taken_out_while_a_page_is_drawn_breaks_nothing(site: Site, left: list[str]) -> None:
    site.adopt(per_cleanup=2)
    draft = site.draft("ana", "ben", "cy")
    basket = Basket(cleanup=draft, actor=site.person("operator"), now=now(), pace=Pace())
    for name in {"ana", "ben", "cy"} - {*left}:
        site.put(name, "withdrawn")
    assert not any("no longer dormant" in check.says for check in checks(basket))
    ranked = launch.ranked_cases(draft)
    assert sum(part.count() for part in _split(ranked, 3)) == len(left)


def test_many_are_counted_and_the_first_are_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts_review.web.cleanups.checks.SHOWN", 2)
    draft = site.draft("ana", "ben", "cy")
    Account.objects.update(email="nobody")
    page = site.get("cleanup", number=draft.number)
    shown = " ".join(text(page).split())
    assert "3 addresses are not usable" in shown
    assert "and 1 more" in shown
    assert "Take all 3 out" in shown


def test_a_large_draft_asks_as_much_as_a_small_one(site: Site) -> None:
    def asked() -> int:
        Account.objects.update(email="nobody")
        Assessment.objects.update(dormant_from=now() + timedelta(days=9))
        with CaptureQueriesContext(connection) as queries:
            assert len(look(site, draft)) > 2
        return len(queries)

    draft = site.draft("ana", "ben")
    for_two = asked()
    site.draft(*(f"person{number}" for number in range(8)))
    assert asked() == for_two


def test_who_came_back_or_left_is_pointed_out(site: Site) -> None:
    draft = site.draft("ana", "ben", "cy")
    Assessment.objects.filter(account__username="ana").update(dormant_from=now() + timedelta(days=9))
    Account.objects.filter(username="ben").update(absent_since=now())
    (names,) = worries(site, draft).values()
    assert sorted(names) == ["ana", "ben"]


def test_an_address_that_bounced_is_known_until_it_changes(site: Site) -> None:
    earlier = site.launched("ana")
    site.put("ana", "withdrawn")
    audit.log([site.case("ana")], kind=Event.CASE_UNDELIVERABLE, actor="portal", now=now(), data={"why": "550"})
    Cleanup.objects.filter(pk=earlier.pk).update(state="closed")
    draft = site.draft("ben")
    again = Case.objects.get(account__username="ana")
    again.pk, again.cleanup, again.state = None, draft, "in_draft"
    again.save()
    assert list(worries(site, draft).values()) == [["ana"]]
    Account.objects.filter(username="ana").update(email="ana@new.example")
    assert worries(site, draft) == {}


def test_an_unusable_address_is_pointed_out(site: Site) -> None:
    draft = site.draft("ana", "ben")
    Account.objects.filter(username="ana").update(email="nobody")
    Account.objects.filter(username="ben").update(email="jos\u00e9@ex\u00e4mple.org")
    (says,) = worries(site, draft)
    assert "1 address is not usable" in says


def test_the_last_of_a_group_or_right_are_named(site: Site) -> None:
    make_group(site.workspace, "press", title="Press office", permissions=["explore_monitoring"])
    site.adopt()
    zoe = site.people("zoe", groups=[{"uid": "press"}])
    draft = site.draft("ana")
    decide.approve(accounts=zoe, actor=site.person("reviewer"), reason="left", now=now())
    assert worries(site, draft) == {
        "Nobody would hold the right explore_monitoring.": ["zoe"],
        "The group Press office would have no member left.": ["zoe"],
    }


def test_a_tripped_breaker_comes_first(site: Site) -> None:
    draft = site.draft("ana", "operator")
    site.synced("quarantined")
    assert look(site, draft)[0].says.startswith("The last sync looked wrong")


def test_the_page_offers_to_take_them_out(site: Site) -> None:
    draft = site.draft("ana", "ben")
    Account.objects.filter(username="ana").update(email="nobody")
    page = site.get("cleanup", number=draft.number)
    assert "Take it out" in text(page)
    assert "Take it out" not in text(site.sign_in("auditor").get("cleanup", number=draft.number))


def test_the_launch_warns_and_does_not_bar(site: Site) -> None:
    draft = site.draft("ana", "operator")
    page = text(site.get("launch", number=draft.number))
    assert "Your own account is in this draft." in page
    assert 'name="count"' in page
