"""Pages tell the time of whoever looks at them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from accounts_review import audit
from accounts_review.audit.events import Event
from accounts_review.models import Workspace
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    audit.log([workspace], kind=Event.DIGEST_SENT, actor="portal", now=datetime(2026, 3, 9, 22, 30, tzinfo=UTC))
    return Site(client, workspace, person).sign_in("auditor")


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("", "9 Mar 2026, 22:30"),
        ("Europe/Paris", "9 Mar 2026, 23:30"),
        ("Pacific/Auckland", "10 Mar 2026, 11:30"),
        ("Mars/Olympus", "9 Mar 2026, 22:30"),
        ("../../etc/passwd", "9 Mar 2026, 22:30"),
        (HOSTILE, "9 Mar 2026, 22:30"),
    ],
)
def test_a_page_is_told_in_the_zone_that_the_browser_names(site: Site, zone: str, shown: str) -> None:
    site.client.cookies["portal_time_zone"] = zone
    assert shown in text(site.get("audit"))
    assert timezone.get_current_timezone_name() == "UTC"


def test_who_has_not_signed_in_is_told_the_time_of_the_portal(site: Site) -> None:
    site.client.logout()
    site.client.cookies["portal_time_zone"] = "Pacific/Auckland"
    assert site.client.get("/accounts/login/").status_code == 200
