"""Views that people keep: their own, shared ones, and those that are built in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.signals import post_init
from django.http import QueryDict
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import SavedView, Workspace
from accounts_review.web.review.saved_views import BUILT_IN, Choice
from accounts_review.web.review.selection import filtered
from tests.factories import make_saved_view
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("reviewer")


def choices(site: Site, query: dict[str, str] | None = None) -> dict[str, Choice]:
    return {choice.name: choice for choice in site.get("review", query).context["views"]}


def save(site: Site, name: str, query: str = "verdict=dormant&q=ana", **fields: Any) -> Any:
    return site.follow("save_view", {"name": name, "query": query, **fields})


def test_a_view_that_is_built_in_is_written_as_the_page_writes_it(site: Site) -> None:
    for _name, query in BUILT_IN:
        found = filtered(QueryDict(query), workspace=site.workspace, now=now())
        assert found.is_valid(), query
        assert found.query == query


def test_a_saved_view_opens_with_its_filters_and_order(site: Site) -> None:
    site.people("ana", "ben")
    save(site, "Only Ana", sort="-activity")
    choice = choices(site)["Only Ana"]
    page = site.client.get(f"{site.at('review')}?{choice.query}")
    assert [row.record.username for row in page.context["table"].rows] == ["ana"]
    assert page.context["sort"] == "-activity"
    assert choices(site, {"verdict": "dormant", "q": "ana"})["Only Ana"].is_current


def test_what_people_saved_comes_first(site: Site) -> None:
    save(site, "mine")
    assert list(choices(site)) == ["mine", *(str(name) for name, _query in BUILT_IN)]


def test_the_same_name_again_means_the_new_filters(site: Site) -> None:
    save(site, "mine")
    save(site, "mine", "verdict=uncertain")
    assert [view.query for view in SavedView.objects.all()] == ["verdict=uncertain"]


@pytest.mark.parametrize(("by", "said"), [("operator", "Someone else shares a view"), ("reviewer", "is saved")])
def test_a_name_that_is_taken_at_the_same_moment_is_looked_at_again(site: Site, by: str, said: str) -> None:
    owner, rivals = site.person(by), ["ours"]

    def come_first(**signal: Any) -> None:
        if rivals:
            make_saved_view(site.workspace, owner, name=rivals.pop(), is_shared=True)

    post_init.connect(come_first, sender=SavedView)
    try:
        answer = text(save(site, "ours", is_shared="on"))
    finally:
        post_init.disconnect(come_first, sender=SavedView)
    assert said in answer
    assert SavedView.objects.get().query == ("q=marie" if by == "operator" else "q=ana&verdict=dormant")


def test_a_view_of_ones_own_is_nobody_elses(site: Site) -> None:
    save(site, "mine")
    assert "mine" not in choices(site.sign_in("operator"))


def test_a_shared_view_is_everybodys_and_goes_by_its_maker_or_an_administrator(site: Site) -> None:
    save(site, "ours", is_shared="on")
    assert choices(site.sign_in("operator"))["ours"].droppable is None
    assert "Someone else shares a view with this name" in text(save(site, "ours", is_shared="on"))
    view = SavedView.objects.get()
    assert site.post("drop_view", pk=view.pk).status_code == 403
    assert "The view “ours” is deleted." in text(site.sign_in("administrator").follow("drop_view", pk=view.pk))
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(("name", "is_refused"), [("ours", True), ("Snoozed", True), ("mine", False)])
def test_a_name_that_was_refused_stays_to_be_changed(site: Site, name: str, is_refused: bool) -> None:
    make_saved_view(site.workspace, site.person("operator"), name="ours", is_shared=True)
    shown = text(save(site, name, is_shared="on"))
    assert (f'value="{name}"' in shown, '<details class="view-save" open>' in shown) == (is_refused, is_refused)
    again = text(site.get("review"))
    assert (f'value="{name}"' in again, '<details class="view-save" open>' in again) == (False, False), "once"


def test_a_view_that_is_deleted_twice_is_said_to_be_gone(site: Site) -> None:
    save(site, "mine")
    view = SavedView.objects.get()
    site.follow("drop_view", pk=view.pk)
    assert "This view was deleted already." in text(site.follow("drop_view", pk=view.pk))


def test_an_auditor_keeps_views_and_shares_none(site: Site) -> None:
    site.sign_in("auditor")
    save(site, "mine")
    assert save(site, "ours", is_shared="on").status_code == 403
    assert [view.name for view in SavedView.objects.all()] == ["mine"]


def test_another_persons_view_is_not_dropped(site: Site) -> None:
    save(site, "mine")
    view = SavedView.objects.get()
    assert site.sign_in("operator").post("drop_view", pk=view.pk).status_code == 403


@pytest.mark.parametrize("name", ["", "x" * 61, " "])
def test_a_view_without_a_usable_name_is_not_saved(site: Site, name: str) -> None:
    answer = save(site, name)
    assert "Nothing was saved" in text(answer)
    assert answer.context["filter"].data["q"] == "ana", "the list keeps its filters"
    assert not SavedView.objects.exists()


def test_a_view_whose_filter_has_gone_says_so(site: Site) -> None:
    make_saved_view(site.workspace, site.person("reviewer"), name="old", query="segment=gone&verdict=dormant")
    page = site.client.get(f"{site.at('review')}?{choices(site)['old'].query}")
    site.people("ana")
    assert "A filter is not valid" in text(site.client.get(f"{site.at('review')}?{choices(site)['old'].query}"))
    assert page.status_code == 200


def test_a_name_is_never_markup(site: Site) -> None:
    save(site, HOSTILE[:60])
    assert HOSTILE.encode() not in site.get("review").content


def test_what_is_saved_is_a_filter_and_leads_nowhere_else(site: Site) -> None:
    answer = site.post("save_view", {"name": "trap", "query": "https://evil.example/?verdict=dormant&next=//evil"})
    assert answer["Location"].startswith(site.at("review") + "?")
    assert "evil" not in SavedView.objects.get().query
