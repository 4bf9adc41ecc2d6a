"""How the list looks is kept with the person, and in saved views; an address says it for once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict

from accounts_review.models import SavedView, Workspace
from accounts_review.web.review.look import COLUMNS, USUAL_COLUMNS, ListLook, carried, without_look
from accounts_review.web.review.seek import ORDERS
from tests.web.kit import Desk, read, someone, text_of

CHOSEN = {"per_page": "25", "density": "comfortable", "columns": ["email", "segment"]}


@pytest.fixture
def desk(workspace: Workspace, person: Callable[[str], User]) -> Desk:
    read(workspace, *(someone(f"n{number:03}") for number in range(60)))
    return Desk(person("reviewer"), workspace)


def choose(desk: Desk, **fields: Any) -> Any:
    return desk.client.post(desk.url("look"), CHOSEN | {"next": desk.url("review")} | fields)


def heads(answer: Any) -> list[str]:
    return [column.name for column in answer.context["table"].columns if column.name not in ("pick", "username")]


def test_what_a_person_chose_is_kept_with_them_and_with_nobody_else(
    desk: Desk, workspace: Workspace, person: Callable[[str], User]
) -> None:
    before = desk.see()
    assert (heads(before), len(desk.names())) == ([*USUAL_COLUMNS], 50)

    choose(desk)

    elsewhere = Desk(desk.user, workspace)
    after = elsewhere.see("?verdict=all")
    assert (heads(after), len(elsewhere.names())) == (["email", "segment"], 25)
    assert "is-comfortable" in text_of(after)
    assert heads(Desk(person("operator"), workspace).see()) == [*USUAL_COLUMNS]


def test_no_column_at_all_is_a_choice_too(desk: Desk) -> None:
    choose(desk, columns=[])
    assert heads(desk.see()) == []


def test_a_saved_view_has_its_look_and_leaves_that_of_the_person_alone(desk: Desk) -> None:
    choose(desk)
    view = {"name": "Addresses", "query": "verdict=all", "look": desk.see().context["look"].query}
    desk.client.post(desk.url("save_view"), view)
    choose(desk, per_page="100", density="compact", columns=["rights"])

    (saved,) = [each for each in desk.see().context["views"] if each.name == "Addresses"]
    seen = desk.see(f"?{saved.query}")

    assert (heads(seen), len(desk.names(f"?{saved.query}"))) == (["email", "segment"], 25)
    assert [each.name for each in seen.context["views"] if each.is_current] == ["Addresses"]
    assert heads(desk.see()) == ["rights"]
    assert all("columns=email.segment" in link for link in links_of(seen, "verdict-tab"))


def test_a_list_that_is_only_looked_at_keeps_nothing(desk: Desk) -> None:
    assert len(desk.names("?per_page=25&density=comfortable&columns=email")) == 25

    assert not SavedView.objects.exists()
    assert len(desk.names()) == 50


def test_choosing_leads_back_to_the_same_list_at_its_start(desk: Desk) -> None:
    on = desk.url("review", "?verdict=all&q=n&sort=-activity&page=2&per_page=50&columns=email")
    assert choose(desk, next=on)["Location"] == desk.url("review", "?verdict=all&q=n&sort=-activity")
    for elsewhere in ("https://evil.example/", "//evil.example/", "abc", "?verdict=all", "home"):
        assert choose(desk, next=elsewhere)["Location"] == desk.url("review")


@pytest.mark.parametrize("wrong", [{"per_page": "77"}, {"density": "huge"}, {"columns": ["password"]}])
def test_what_is_not_among_the_choices_changes_nothing(desk: Desk, wrong: dict[str, Any]) -> None:
    choose(desk, **wrong)
    assert not SavedView.objects.exists()


def test_the_look_left_is_no_view_to_choose(desk: Desk) -> None:
    choose(desk)
    assert "" not in [each.name for each in desk.see().context["views"]]


@pytest.mark.parametrize(
    "hostile", ["per_page=-1&density=<b>&columns=..x", "columns=", "per_page=9999999999999", "columns=raw.password"]
)
def test_an_address_that_says_nonsense_shows_the_list(desk: Desk, hostile: str) -> None:
    assert desk.see(f"?{hostile}").status_code == 200


def test_an_address_says_every_look_and_every_look_is_said() -> None:
    for look in (ListLook(), ListLook(200, "comfortable", tuple(COLUMNS)), ListLook(25, "compact", ())):
        assert ListLook.asked(QueryDict(look.query), ListLook(100, "compact", ("email",))) == look
        assert without_look(f"verdict=all&{look.query}") == "verdict=all"
    assert carried(QueryDict("q=a&columns=email&per_page=")) == "&columns=email"


def links_of(answer: Any, css: str) -> list[str]:
    said = text_of(answer)
    return [part.split('"')[0] for part in said.split('<a href="')[1:] if f'class="{css}' in part.split(">")[0]]


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_in_force_is_the_one_that_the_choice_shows(desk: Desk, name: str) -> None:
    read(desk.workspace, someone("ana"), someone("ben"))
    for sort in (name.removeprefix("-"), f"-{name.removeprefix('-')}"):
        shown = re.findall(r'<option value="([^"]+)" selected', text_of(desk.see(f"?verdict=all&sort={sort}")))
        assert sort in shown


def test_of_two_orders_in_an_address_the_last_holds_for_all_of_the_page(desk: Desk) -> None:
    answer = desk.see("?verdict=all&sort=username&sort=-username")
    shown = [row.record.username for row in answer.context["table"].page.object_list]
    assert shown == sorted(shown, reverse=True)
    assert '<option value="-username" selected' in text_of(answer)
