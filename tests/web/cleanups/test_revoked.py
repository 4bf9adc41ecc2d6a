"""Everyone whose access was removed, and who of them is back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Case, Cleanup, Workspace
from accounts_review.wording import instants
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    """Four were revoked; two of them are back, and one is only warned."""
    site = Site(client, workspace, person).sign_in("auditor")
    site.launched("ana", "ben", "cy", "dee", "eve")
    site.put("ana", "revoked", returned_at=now())
    site.put("ben", "revoked", returned_at=now(), restored_by="olga", restored_at=now())
    site.put("cy", "revoked")
    site.put("dee", "revoked")
    return site


def names(page: Any) -> set[str]:
    return {row.record.account.username for row in page.context["table"].rows}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"ana", "ben", "cy", "dee"}),
        ({"back": "returned"}, {"ana"}),
        ({"back": "restored"}, {"ben"}),
        ({"segment": "everyone else"}, {"ana", "ben", "cy", "dee"}),
        ({"segment": "everyone else", "q": "cy"}, {"cy"}),
        ({"segment": "nobody's"}, set()),
        ({"back": "never"}, set()),
    ],
)
def test_each_filter_narrows(site: Site, query: dict[str, str], expected: set[str]) -> None:
    assert names(site.get("revoked", query)) == expected


def test_a_row_says_who_brought_somebody_back(site: Site) -> None:
    page, ana = text(site.get("revoked")), Case.objects.get(account__username="ana")

    ben = Case.objects.get(account__username="ben")
    assert ben.restored_at
    assert f"invited back {instants.day(ben.restored_at)} by olga" in page, "as the page of the clean-up says it"
    assert ana.returned_at
    assert f"came back {instants.day(ana.returned_at)}" in page
    assert site.at("cleanup", number=Cleanup.objects.get().number) in page


def test_how_many_came_back_is_a_share_in_percent(site: Site) -> None:
    page = text(site.get("revoked"))

    assert "Return rate" in page
    assert "50 %" in page


def test_nobody_is_a_page_too(client: Client, workspace: Workspace, person: Callable[[str], User]) -> None:
    site = Site(client, workspace, person).sign_in("auditor")

    assert "access has been removed yet" in text(site.get("revoked"))
    assert "No case matches" in text(site.get("revoked", {"q": "ana"}))


def test_names_are_never_markup(site: Site) -> None:
    site.launched(HOSTILE)
    site.put(HOSTILE, "revoked")

    assert HOSTILE.encode() not in site.get("revoked").content
