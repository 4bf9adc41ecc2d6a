"""Adding a workspace and its settings on a page: tested before anything is stored, and the key shown to nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts_review.models import AuditEntry, StoredKey, Workspace
from accounts_review.tasks import sources
from cleanup_portal.logs import LogFormatter
from tests.stage import KEY, SetStage, Stage, someone
from tests.web.kit import sign_in
from tests.web.records_kit import HTMX

DESCRIBED = {"title": "Ville", "contact": "help@ville.example", "sender": "", "language": "fr"}


@pytest.fixture
def stage(set_stage: SetStage, settings: Any) -> Stage:
    stage = set_stage(someone("marie"), synced=False)
    settings.HUWISE = {}
    return stage


@pytest.fixture
def browser(client: Client, person: Callable[[str], User]) -> Client:
    sign_in(client, person("administrator"))
    return client


def given(stage: Stage, **changed: str) -> dict[str, str]:
    return {"name": "second", "url": stage.url, "key": KEY, "act": "add", **DESCRIBED} | changed


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_test_stores_nothing_and_gives_no_key_back(stage: Stage, browser: Client, headers: dict[str, str]) -> None:
    answer = browser.post(reverse("new_workspace"), given(stage, act="test"), headers=headers)
    assert f"{stage.url.removeprefix('http://')} answers" in answer.content.decode()
    assert KEY not in answer.content.decode()
    assert not StoredKey.objects.exists()
    assert Workspace.objects.count() == 1


def test_an_added_workspace_is_described_and_read_next(stage: Stage, browser: Client) -> None:
    answer = browser.post(reverse("new_workspace"), given(stage), follow=True)
    assert answer.redirect_chain == [("/w/second/settings/", 302)]
    assert KEY not in answer.content.decode()
    workspace = Workspace.objects.get(name="second")
    assert (workspace.title, workspace.language, workspace.mode) == ("Ville", "fr", "dry-run")
    assert AuditEntry.objects.of(workspace).filter(kind="workspace.added").get().actor == "administrator"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"key": "wrong-key-entirely"}, "does not accept the API key"),
        ({"key": "short"}, "at least 8 characters"),
        ({"url": "http://data.example.org"}, "must start with https"),
        ({"name": "<script>"}, "cannot be a name"),
        ({"sender": "nobody"}, "The sender must be an address"),
    ],
)
def test_what_cannot_be_is_told_without_losing_what_was_entered(
    stage: Stage, browser: Client, changed: dict[str, str], words: str
) -> None:
    answer = browser.post(reverse("new_workspace"), given(stage, **changed))
    shown = answer.content.decode()
    assert answer.status_code == 400
    assert words in shown
    assert "help@ville.example" in shown
    assert "<script>" not in shown.partition("<main")[2]
    assert Workspace.objects.count() == 1


@pytest.fixture
def second(stage: Stage, browser: Client) -> Workspace:
    browser.post(reverse("new_workspace"), given(stage))
    return Workspace.objects.get(name="second")


def act(browser: Client, workspace: str, verb: str, **fields: str) -> Any:
    return browser.post(f"/w/{workspace}/settings/", {"act": verb} | fields, follow=True)


def test_settings_change_one_by_one_each_with_its_entry(second: Workspace, stage: Stage, browser: Client) -> None:
    act(browser, "second", "describe", **(DESCRIBED | {"title": "Town"}))
    act(browser, "second", "connect", url=stage.url, key=KEY)
    act(browser, "second", "rename", name="town")
    act(browser, "town", "pause", reason="move")
    act(browser, "town", "resume", reason="done")
    answer = act(browser, "town", "retire", reason="merged")
    assert "Retired" in answer.content.decode()
    second.refresh_from_db()
    kinds = list(AuditEntry.objects.of(second).order_by("seq").values_list("kind", flat=True))
    changed = ("described", "connection_changed", "renamed", "paused", "resumed", "retired")
    assert kinds[-6:] == [f"workspace.{kind}" for kind in changed]


def opened(browser: Client, workspace: Workspace) -> dict[str, str]:
    """What the form sends from a page that was opened now, if nothing is changed."""
    shown = browser.get(f"/w/{workspace}/settings/").context["description"].initial
    return {**shown, **{f"initial-{name}": value for name, value in shown.items()}}


def test_two_people_change_different_settings_and_lose_nothing(second: Workspace, browser: Client) -> None:
    one, other = opened(browser, second), opened(browser, second)
    act(browser, "second", "describe", **(one | {"title": "Town"}))
    act(browser, "second", "describe", **(other | {"contact": "ask@ville.example"}))
    second.refresh_from_db()
    assert (second.title, second.contact) == ("Town", "ask@ville.example")


def test_two_people_change_the_same_setting_and_the_second_is_told(second: Workspace, browser: Client) -> None:
    one, other = opened(browser, second), opened(browser, second)
    act(browser, "second", "describe", **(one | {"title": "Town"}))
    answer = act(browser, "second", "describe", **(other | {"title": "City", "language": "en"}))
    assert answer.status_code == 409
    assert "Somebody else changed this meanwhile: “Town”. Nothing was saved." in answer.content.decode()
    assert 'value="City"' in answer.content.decode(), "what was typed is still there"
    second.refresh_from_db()
    assert (second.title, second.language) == ("Town", "fr")

    act(browser, "second", "describe", **(other | {"title": "City", "initial-title": "Town"}))
    second.refresh_from_db()
    assert second.title == "City"


def test_a_connection_that_somebody_else_stored_meanwhile_stays_until_it_was_looked_at(
    second: Workspace, stage: Stage, browser: Client
) -> None:
    shown = {"url": stage.url, "key": KEY, "seen": browser.get("/w/second/settings/").context["stored"].stamp}
    act(browser, "second", "connect", **shown | {"key_owner": "theirs"})
    answer = act(browser, "second", "connect", **shown | {"key_owner": "mine"})
    assert answer.status_code == 409
    assert "second was changed meanwhile. Nothing was changed by you" in answer.content.decode()
    assert 'value="mine"' in answer.content.decode(), "what was typed is still there"
    assert StoredKey.objects.get(workspace=second).key_owner == "theirs"

    act(browser, "second", "connect", **shown | {"key_owner": "mine", "seen": answer.context["stored"].stamp})
    assert StoredKey.objects.get(workspace=second).key_owner == "mine"


def test_what_the_environment_describes_is_shown_and_cannot_be_changed(
    stage: Stage, browser: Client, settings: Any
) -> None:
    settings.HUWISE = {"main": {"url": stage.url, "api_key": KEY, "key_owner": ""}}
    shown = browser.get("/w/main/settings/").content.decode()
    assert "come from the environment" in shown
    assert 'name="key"' not in shown
    assert KEY not in shown
    assert act(browser, "main", "connect", url=stage.url, key=KEY).status_code == 400
    assert act(browser, "main", "rename", name="prod").status_code == 400
    assert act(browser, "main", "retire", reason="x").status_code == 400
    assert not StoredKey.objects.exists()


def test_no_log_line_at_any_level_and_no_error_page_holds_a_secret(
    stage: Stage, client: Client, person: Callable[[str], User], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With debugging on: signing in, resetting a password, adding a workspace, and failing over it."""
    lines: list[str] = []
    handler, root = logging.Handler(), logging.getLogger()
    form = LogFormatter(form="console", secrets=[settings.SECRET_KEY])
    monkeypatch.setattr(handler, "emit", lambda record: lines.append(form.format(record)))
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    settings.DEBUG = True
    try:
        someone_here = person("administrator")
        someone_here.set_password("correct-horse-battery")
        someone_here.save()
        for password in ("wrong-horse-battery", "correct-horse-battery"):
            client.post("/accounts/login/", {"login": "administrator", "password": password})
        client.post("/accounts/password/reset/", {"email": someone_here.email})
        link = next(word for word in str(mail.outbox[0].body).split() if "/password/reset/key/" in word)
        client.get(link, follow=True)

        def fail(**anything: object) -> None:
            raise RuntimeError("unexpected")

        monkeypatch.setattr(sources, "add_workspace", fail)
        sign_in(client, someone_here)
        client.raise_request_exception = False
        page = client.post(reverse("new_workspace"), given(stage)).content.decode()
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    assert "unexpected" in page
    session = client.cookies["sessionid"].value
    token = link.rstrip("/").rpartition("/")[2]
    said = "\n".join(lines)
    assert said
    for secret in (KEY, "wrong-horse-battery", "correct-horse-battery", token, session, settings.SECRET_KEY):
        assert secret not in said
    assert KEY not in page


def test_a_stolen_cookie_adds_and_changes_nothing_and_no_session_keeps_a_key(
    stage: Stage, second: Workspace, browser: Client, settings: Any
) -> None:
    settings.REAUTHENTICATE_AFTER_SECONDS = 0
    for where, what in (
        (reverse("new_workspace"), given(stage, name="third")),
        (reverse("new_workspace"), given(stage, act="test")),
        ("/w/second/settings/", given(stage, act="connect")),
        ("/w/second/settings/", {"act": "retire", "reason": "x"}),
    ):
        assert "/reauthenticate/" in browser.post(where, what)["Location"]
        assert KEY not in str(dict(browser.session))
    assert Workspace.objects.filter(state="active").count() == 2
    act(browser, "second", "pause", reason="something is wrong")
    assert Workspace.objects.get(name="second").state == "paused"
