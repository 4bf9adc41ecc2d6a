"""A sync that looks wrong is said in a sentence, with people to check; every number stays that of the last good one."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts_review.models import Sync
from accounts_review.web.workspaces import incident
from tests.stage import SetStage, Stage, days_ago, someone
from tests.web.kit import sign_in

PEOPLE = [f"ana.{number:02}" for number in range(30)]


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    return set_stage(*(someone(name, idle=10) for name in PEOPLE))


def page(stage: Stage, client: Client, name: str, role: str = "administrator", **kwargs: Any) -> Any:
    sign_in(client, stage.staff(role))
    return client.get(reverse(name, kwargs={"workspace": stage.workspace.name, **kwargs}))


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def doubted(stage: Stage) -> Sync:
    """Everybody's dates have gone back by a thousand days."""
    for name in PEOPLE:
        stage.update(name, last_seen_at=days_ago(1010), joined_at=days_ago(1400))
    stage.clock.advance(hours=1)
    sync = stage.sync()
    assert sync.state == "quarantined"
    return sync


def test_it_says_what_is_wrong_shows_ten_people_and_asks_one_question(
    stage: Stage, doubted: Sync, client: Client
) -> None:
    answer = page(stage, client, "sync_page", pk=doubted.pk)
    incident = answer.context["incident"]
    assert len(incident.samples) == 10
    assert all(sample.before > sample.after for sample in incident.samples)
    for said in (
        "30 people appear less active than before",
        "5 Jun 2026",
        "Is the workspace really as this sync shows it?",
        "Ignore this sync",
        "Use this sync",
    ):
        assert said in words(answer)
    assert "Use this sync" not in words(page(stage, client, "sync_page", "operator", pk=doubted.pk))


def test_while_it_is_open_every_page_says_so(stage: Stage, doubted: Sync, client: Client) -> None:
    for name in ("overview", "review", "cleanups", "policy"):
        assert "The numbers here are those of the last good one" in words(page(stage, client, name))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "wrong_total", "delta": 3}, "The last sync was incomplete. People it saw active count as active;"),
        ({"kind": "status", "status": 500}, "The last sync failed. The numbers here are those"),
    ],
)
def test_after_one_that_was_not_whole_a_smaller_banner_leads_to_it(
    stage: Stage, client: Client, fault: dict[str, Any], said: str
) -> None:
    assert "incident-banner" not in words(page(stage, client, "review"))
    stage.order({"path": "*users*"} | fault)
    stage.clock.advance(hours=1)
    bad = stage.sync()
    for name in ("overview", "review", "cleanups", "policy"):
        answer = words(page(stage, client, name))
        assert said in answer
        assert "the last good one, of 15 Jun 2026" in answer
        assert f"/syncs/{bad.pk}/" in answer
    stage.order()
    stage.clock.advance(hours=1)
    assert stage.sync().state == "complete"
    assert "incident-banner" not in words(page(stage, client, "review"))


@pytest.mark.parametrize("choice", ["discard", None])
def test_every_number_is_that_of_the_last_good_sync(stage: Stage, client: Client, choice: str | None) -> None:
    before = page(stage, client, "overview").context["population"]
    for name in PEOPLE[:25]:
        stage.remove(name)
    stage.clock.advance(hours=1)
    doubted = stage.sync()
    assert doubted.state == "quarantined"
    answer = page(stage, client, "sync_page", pk=doubted.pk)
    assert "not listed" in words(answer)
    if choice:
        url = reverse("breaker", kwargs={"workspace": "main", "pk": doubted.pk})
        client.post(url, {"reason": "a fault", "choice": choice})
    assert page(stage, client, "overview").context["population"] == before


@pytest.mark.parametrize(("most", "missing"), [(30, 10), (1, 0)])
def test_nobody_is_called_missing_whose_record_was_not_looked_at(
    stage: Stage, client: Client, monkeypatch: pytest.MonkeyPatch, most: int, missing: int
) -> None:
    for name in PEOPLE[:25]:
        stage.remove(name)
    for name in PEOPLE[25:]:
        stage.update(name, last_seen_at=days_ago(1))
    stage.clock.advance(hours=1)
    doubted = stage.sync()
    assert doubted.state == "quarantined"
    monkeypatch.setattr(incident, "MOST_READ", most)

    samples = page(stage, client, "sync_page", pk=doubted.pk).context["incident"].samples

    assert len(samples) == missing
    assert {sample.account.username for sample in samples} <= set(PEOPLE[:25])
