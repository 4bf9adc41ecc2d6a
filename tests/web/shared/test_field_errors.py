"""A field that is refused names what is wrong: whoever hears the page hears it with the field."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts_review.models import Workspace
from accounts_review.workflow.notify import emails
from tests.web.records_kit import Site, text

CONTROL = re.compile(r"<(?:input|select|textarea)\b[^>]*>")
POINTS_AT = re.compile(r'aria-describedby="([^"]*)"')


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("administrator")


def unexplained(page: str) -> list[str]:
    """The fields that are wrong, or point at what is not there, without an explanation they name."""
    found = []
    for control in CONTROL.findall(page):
        named = POINTS_AT.search(control)
        ids = named[1].split() if named else []
        is_wrong, has_all = 'aria-invalid="true"' in control, all(f'id="{one}"' in page for one in ids)
        if not has_all or (is_wrong and not any(one.endswith("_error") or one == "faults" for one in ids)):
            found.append(control)
    return found


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ("audit", {"since": "soon"}),
        ("syncs", {"since": "soon"}),
        ("revoked", {"segment": "none of these"}),
        ("backtest", {"on": "soon"}),
        ("what_if", {"days": "many"}),
        ("review", {"idle": "long"}),
    ],
)
def test_of_what_is_looked_for(site: Site, page: str, asked: dict[str, str]) -> None:
    site.people("ana")
    shown = text(site.get(page, asked))
    assert 'aria-invalid="true"' in shown
    assert unexplained(shown) == []


@pytest.mark.parametrize(
    ("page", "given"),
    [
        ("emails", {"kind": "notice", "written_in": "en", "verb": "save", "subject": "{nobody}", "body": "{nobody}"}),
        ("settings", {"act": "describe", "language": "none"}),
        ("policy", {"tab": "form", "segment-TOTAL_FORMS": "1", "segment-INITIAL_FORMS": "0"}),
        ("import", {}),
    ],
)
def test_of_what_is_entered(site: Site, page: str, given: dict[str, str]) -> None:
    shown = text(site.post(page, given))
    assert 'aria-invalid="true"' in shown
    assert unexplained(shown) == []


@pytest.mark.parametrize("page", ["hold", "new_workspace", "people", "account_login", "account_reset_password"])
def test_of_what_is_left_out(site: Site, page: str) -> None:
    if page.startswith("account"):
        site.client.logout()
    shown = text(site.client.post(reverse(page), {"act": "hold"}))
    assert 'aria-invalid="true"' in shown
    assert unexplained(shown) == []


@pytest.mark.parametrize("answer", [{"kind": "away", "until": "soon"}, {"kind": "leave"}])
def test_of_an_answer_to_a_notice(site: Site, client: Client, answer: dict[str, Any]) -> None:
    site.adopt(notice=30)
    site.go_live()
    site.launched("ana")
    site.put("ana", "noticed", noticed_at=now(), promised_at=now() + timedelta(days=30))
    shown = text(client.post(reverse("answer", args=[emails.token_of(site.case("ana"))]), answer))
    assert 'aria-invalid="true"' in shown
    assert unexplained(shown) == []
