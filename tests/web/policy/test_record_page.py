"""The privacy texts: made from the policy in both languages, and known to be old once the policy has changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import Workspace
from tests.web.records_kit import Site, text


@pytest.fixture
def administrator(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("administrator")


def test_both_texts_say_what_the_policy_says(administrator: Site) -> None:
    page = text(administrator.get("policy_record"))
    assert "Any other account is closed after 730 days without use." in page
    assert "erased 12 months after an account is closed" in page
    assert 'lang="fr"' in page


def test_a_policy_that_changed_since_the_copy_is_said_on_the_overview(administrator: Site) -> None:
    changed = "The policy has changed since the text for the privacy notice was copied."
    administrator.post("policy_record")
    assert changed not in text(administrator.get("overview"))
    administrator.adopt(limit=400)
    assert changed in text(administrator.get("overview"))
    administrator.post("policy_record")
    assert changed not in text(administrator.get("overview"))


def test_erasure_begins_once_somebody_has_seen_whom_it_concerns(administrator: Site) -> None:
    assert "Nothing is erased by itself yet." in text(administrator.get("policy_record"))
    administrator.post("begin_retention")
    assert "are erased every night" in text(administrator.get("policy_record"))
