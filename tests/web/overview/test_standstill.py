"""Whatever a clean-up waits for is told on the overview and on its page, in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts_review.workflow import holds
from tests.stage import SetStage, Stage, someone
from tests.workflow.mishaps import Act


def hold(stage: Stage) -> None:
    holds.hold(workspace=None, actor=stage.staff("operator"), reason="something is odd", now=now())


def lose_dates(stage: Stage) -> None:
    stage.update("marie", last_seen_at=None)
    stage.revoke()


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (hold, "Everything is held."),
        (lose_dates, "Not yet for 1: its dates are earlier than at the approval, or missing."),
    ],
)
def test_what_a_cleanup_waits_for_is_told(
    set_stage: SetStage, client: Client, person: Callable[[str], User], happens: Act, said: str
) -> None:
    stage = set_stage(someone("marie"), someone("omar"), launched=("marie",))
    happens(stage)
    client.force_login(person("auditor"))
    for page in (reverse("overview", args=["main"]), reverse("cleanup", args=["main", 1])):
        assert said in client.get(page).content.decode()
