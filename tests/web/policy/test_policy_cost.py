"""What the policy page costs where the policy has many segments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.test.signals import template_rendered
from django.utils.timezone import now

from accounts_review.models import Workspace
from accounts_review.web.policy import idleness
from tests.factories import put_in_force
from tests.web.records_kit import Site

TEMPLATES = 10
"""So many are drawn for one more segment, with its dozen fields and its drawing."""


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    site = Site(client, workspace, person).sign_in("administrator")
    site.people("ana", idle=800)
    site.people("ben", "cy", idle=400)
    return site


def of_segments(count: int) -> str:
    named = (f'[[segment]]\nname = "s{n}"\ngroups = ["g{n}"]\ndormant_after_days = 100\n' for n in range(count))
    return "\n".join([*named, '[[segment]]\nname = "everyone else"\ndormant_after_days = 730\n'])


def drawn(site: Site, segments: int) -> int:
    """How many templates the page takes under a policy of so many segments."""
    put_in_force(site.workspace, of_segments(segments), now=now())
    names = list[str]()

    def note(template: Any, **kwargs: Any) -> None:
        names.append(str(template.name))

    site.get("policy")
    template_rendered.connect(note)
    site.get("policy")
    template_rendered.disconnect(note)
    return len(names)


def test_one_more_segment_draws_few_templates(site: Site) -> None:
    few, many = drawn(site, 2), drawn(site, 12)
    assert many - few <= 10 * TEMPLATES


def test_a_segment_is_put_together_once_however_many_days_are_counted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in range(1, 9):
        site.people(f"m{days}", idle=90 * days)
    made = list[str]()

    class Row(idleness.IdlenessRow):
        def __init__(self, **given: Any) -> None:
            made.append(given["segment"])
            super().__init__(**given)

    monkeypatch.setattr(idleness, "IdlenessRow", Row)
    site.get("policy")
    assert len(made) == len(set(made)) > 0
