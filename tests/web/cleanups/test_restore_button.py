"""The way back on a case's page and on the account's: who sees it, what it does, and what stands there afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.http import HttpResponseBase
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from accounts_review.models import Case
from tests.stage import KEY, NOW, SetStage, Stage, someone
from tests.web.kit import sign_in

Person = Callable[[str], User]


@pytest.fixture
def stage(set_stage: SetStage, settings: Settings) -> Stage:
    """A stage on which Marie was revoked."""
    stage = set_stage(someone("marie"), someone("omar"), launched=("marie",))
    stage.revoke()
    settings.HUWISE = {stage.workspace.name: {"url": stage.url, "api_key": KEY, "key_owner": ""}}
    return stage


def address(case: Case, **other: object) -> str:
    where = {"workspace": case.cleanup.workspace.name, "number": case.cleanup.number, "pk": case.pk}
    return reverse("restore", kwargs=where | other)


def press(client: Client, case: Case, user: User, **other: object) -> tuple[HttpResponseBase, list[tuple[str, str]]]:
    sign_in(client, user)
    response = client.post(address(case, **other))
    told = [(message.level_tag, str(message)) for message in get_messages(response.wsgi_request)]
    return response, told


def drawn(case: Case, user: User) -> str:
    request = RequestFactory().get("/")
    request.user = user
    fresh = Case.objects.select_related("account", "cleanup__workspace").get(pk=case.pk)
    return " ".join(render_to_string("accounts_review/shared/_restore_button.html", {"case": fresh}, request).split())


def test_it_says_beforehand_what_will_not_come_back(stage: Stage, person: Person) -> None:
    shown = drawn(stage.case("marie"), person("operator"))
    assert "Not restored: API keys, rights on individual datasets and pages, follows and saved items." in shown


def test_it_invites_back_and_leads_to_the_report(stage: Stage, person: Person, client: Client) -> None:
    case = stage.case("marie")
    response, told = press(client, case, person("operator"))
    report = reverse("cleanup", kwargs={"workspace": "main", "number": case.cleanup.number})
    assert (response.status_code, response["Location"]) == (302, report)
    lost = "not restored: API keys, rights on individual datasets and pages, follows and saved items"
    assert told == [("success", f"marie: invited back; {lost}")]
    assert stage.members == {"marie", "omar"}
    assert stage.case("marie").restored_by == "operator"


def test_a_refusal_is_told(stage: Stage, person: Person, client: Client) -> None:
    stage.order({"kind": "status", "method": "POST", "status": 500})
    _, told = press(client, stage.case("marie"), person("operator"))
    ((level, text),) = told
    assert level == "error"
    assert text.startswith("marie: The workspace reported an error while inviting 'marie'")
    assert KEY not in text


def test_pressing_twice_invites_once(stage: Stage, person: Person, client: Client) -> None:
    press(client, stage.case("marie"), person("operator"))
    _, told = press(client, stage.case("marie"), person("administrator"))
    assert told[-1][1].startswith("marie: operator invited it back on ")
    assert stage.site.journal.describe()["requests"]["POST"] == 1


def test_a_missing_environment_is_told(stage: Stage, person: Person, client: Client, settings: Settings) -> None:
    settings.HUWISE = {}
    response, told = press(client, stage.case("marie"), person("operator"))
    assert response.status_code == 302
    assert told[0][0] == "error"


@pytest.mark.parametrize("role", ["nobody", "auditor", "reviewer"])
def test_only_operators_may(stage: Stage, person: Person, client: Client, role: str) -> None:
    response, _ = press(client, stage.case("marie"), person(role))
    assert response.status_code == (404 if role == "nobody" else 403)
    assert stage.members == {"omar"}
    assert "<form" not in drawn(stage.case("marie"), person(role))


def test_nobody_without_a_login_and_nothing_by_a_link(stage: Stage, person: Person, client: Client) -> None:
    url = address(stage.case("marie"))
    assert client.post(url)["Location"].startswith(reverse("account_login"))
    sign_in(client, person("operator"))
    assert client.get(url).status_code == 405
    assert stage.members == {"omar"}


@pytest.mark.parametrize("other", [{"number": 99}, {"pk": 999_999}])
def test_a_case_of_another_cleanup_is_not_found(
    stage: Stage, person: Person, client: Client, other: dict[str, int]
) -> None:
    response, _ = press(client, stage.case("marie"), person("operator"), **other)
    assert response.status_code == 404
    assert stage.members == {"omar"}


def test_a_revoked_case_has_the_button(stage: Stage, person: Person) -> None:
    case = stage.case("marie")
    html = drawn(case, person("operator"))
    assert f'action="{address(case)}"' in html
    assert 'method="post"' in html
    assert "csrfmiddlewaretoken" in html
    assert 'Send the invitation <span class="visually-hidden">marie</span>' in html


def test_a_case_that_was_not_revoked_has_none(stage: Stage, person: Person) -> None:
    stage.approve("omar")
    assert drawn(stage.case("omar"), person("operator")) == ""


def test_one_who_is_back_has_the_story_in_its_place(stage: Stage, person: Person) -> None:
    case = stage.case("marie")
    Case.objects.update(returned_at=NOW)
    html = drawn(case, person("operator"))
    assert ">came back 15 Jun 2026</time>" in html
    assert "<form" not in html
    Case.objects.update(restored_at=NOW, restored_by="<operator>")
    assert ">invited back 15 Jun 2026 by &lt;operator&gt;</time>" in drawn(case, person("operator"))


def test_it_stands_on_the_account_of_whoever_was_revoked(stage: Stage, person: Person, client: Client) -> None:
    case = stage.case("marie")
    page = reverse("account", kwargs={"workspace": "main", "pk": case.account_id})
    sign_in(client, person("reviewer"))
    assert address(case) not in client.get(page).content.decode()
    sign_in(client, person("operator"))
    assert address(case) in client.get(page).content.decode()
    client.post(address(case))
    assert address(case) not in client.get(page).content.decode()
