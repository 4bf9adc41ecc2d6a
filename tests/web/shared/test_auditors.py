"""Auditors read, export and verify: no page offers them an act that they may not do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import Workspace
from tests.web.records_kit import Site

FORMS = re.compile(r'<form\b[^>]*method="post"[^>]*>.*?</form>', re.IGNORECASE | re.DOTALL)
SENDING = re.compile(r'<button\b(?![^>]*(type="button"|disabled hidden|form="look"))')
THEIRS = ("/review/views/", "/review/look/", "/report/")
"""What auditors do as well: keep a view, choose how the list looks, and write out what the portal holds of somebody."""
WAYS = ("/launch/", "/import/", "/add/", "/settings/")


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    """A portal in which there is much to do."""
    site = Site(client, workspace, person)
    site.adopt(notice=30)
    site.go_live()
    site.launched("ana", "ben", "cy")
    site.put("ana", "undeliverable", outcome={"why": "550 no such user"})
    site.put("ben", "refused", outcome={"error": "no", "status": 409})
    site.draft("zoe")
    site.synced("quarantined", checks=[])
    return site.sign_in("auditor")


def main_of(answer: Any) -> str:
    assert answer.status_code == 200
    page = answer.content.decode()
    return str(page[page.index("<main") : page.index("</main>")])


@pytest.mark.matrix(fast=3, reason="each page is a portal in every stand")
@pytest.mark.parametrize(
    "page",
    ["overview", "review", "cleanups", "cleanup", "draft", "case", "account", "policy", "emails", "syncs", "sync"],
)
def test_an_auditor_is_offered_no_act(site: Site, page: str) -> None:
    case = site.case("ana")
    pages: dict[str, tuple[str, dict[str, Any]]] = {
        "cleanup": ("cleanup", {"number": case.cleanup.number}),
        "draft": ("cleanup", {"number": site.workspace.cleanups.get(state="draft").number}),
        "case": ("case", {"number": case.cleanup.number, "pk": case.pk}),
        "account": ("account", {"pk": case.account_id}),
        "sync": ("sync_page", {"pk": site.workspace.syncs.first().pk}),  # type: ignore[union-attr]
    }
    name, where = pages.get(page, (page, {}))
    main = main_of(site.get(name, **where))
    acts = [form for form in FORMS.findall(main) if SENDING.search(form) and not any(each in form for each in THEIRS)]
    assert acts == []
    assert [way for way in WAYS if f'{way}"' in main] == []
