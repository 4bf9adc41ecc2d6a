"""An exemption that takes people out of a clean-up under way says so, before it is made and after."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts_review.models import Account, Workspace
from tests.web.kit import in_days
from tests.web.records_kit import Site, text

NEXT_MONTH = in_days(30).isoformat()


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    """Ana and Ben are in a live clean-up under way; Cy is in none."""
    site = Site(client, workspace, person)
    site.adopt(notice=30)
    site.go_live()
    site.launched("ana", "ben")
    site.people("cy")
    return site.sign_in("reviewer")


def exempt(site: Site, **fields: Any) -> str:
    keys = list(Account.objects.filter(username__in=("ana", "ben", "cy")).values_list("pk", flat=True))
    data = {"decision": "exempt", "reason": "on leave", "until": NEXT_MONTH, "account": keys} | fields
    return text(site.follow("decide", data))


def test_before_it_the_rows_and_the_selection_of_all_say_so(site: Site) -> None:
    page = text(site.get("review", {"verdict": "dormant", "state": "", "scope": "all"}))
    assert "2 of them are in clean-up 1, which is under way, and would leave it." in page
    assert page.count("data-under-way") == 2


def test_afterwards_it_says_how_many_have_left(site: Site) -> None:
    said = exempt(site)
    assert "3 accounts exempt until" in said
    assert "2 accounts left clean-up 1; anyone who was warned is told by e-mail." in said


def test_where_nobody_leaves_anything_nothing_is_said(site: Site) -> None:
    cy = Account.objects.get(username="cy").pk
    assert "left clean-up" not in exempt(site, account=cy)


def test_the_import_says_so_too(site: Site) -> None:
    file = SimpleUploadedFile("list.csv", b"username\r\nana\r\ncy\r\n")
    data = {"file": file, "reason": "on leave", "until": NEXT_MONTH}
    shown = site.client.post(site.at("import"), data, follow=True)
    assert "1 of them is in clean-up 1, which is under way, and would leave it." in text(shown)
    plan = shown.context["plan"]
    done = site.client.post(shown.wsgi_request.path, {"confirmed": plan.digest, "refused": "0"}, follow=True)
    assert "1 account left clean-up 1" in text(done)
