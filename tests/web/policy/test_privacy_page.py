"""The privacy texts: made from the policy in both languages, and known to be old once the policy has changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts_review.models import Account, Workspace
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


def test_who_copied_the_texts_is_said_with_the_day_here(administrator: Site) -> None:
    late = datetime(2027, 1, 27, 23, 30, tzinfo=UTC)
    with time_machine.travel(late, tick=False), timezone.override("Europe/Paris"):
        administrator.sign_in("administrator").post("policy_record")
        page = text(administrator.get("policy_record"))
    assert "was copied by administrator on 28 Jan 2027." in page


def test_erasure_begins_once_somebody_has_seen_whom_it_concerns(administrator: Site) -> None:
    assert "Nothing is erased automatically yet." in text(administrator.get("policy_record"))
    administrator.post("begin_retention")
    assert "are erased every night" in text(administrator.get("policy_record"))


def test_of_very_many_whose_time_is_over_the_first_are_named_and_all_are_counted(administrator: Site) -> None:
    names = [f"n{number:02}" for number in range(53)]
    administrator.people(*names)
    Account.objects.update(gone_at=timezone.now() - timedelta(days=4000))
    with CaptureQueriesContext(connection) as asked:
        page = administrator.get("policy_record")
    assert page.context["due"]["count"] == 53
    assert page.context["due"]["first"] == names[:50]
    assert not [query for query in asked if '"accounts_review_account"."raw"' in query["sql"]]
