"""Names from outside turn no page around: what nobody sees is shown as what it is, and what is edited stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import Workspace
from accounts_review.web.shared.controls import visible
from cleanup_portal import environment
from tests.web.records_kit import Site, text

EVIL = "rlo\u202eevil.exe"


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


def test_a_name_with_an_override_reverses_no_page(site: Site) -> None:
    cleanup = site.launched(EVIL)
    pages: list[tuple[str, dict[str, Any]]] = [
        ("review", {}),
        ("cleanup", {"number": cleanup.number}),
        ("case", {"number": cleanup.number, "pk": site.case(EVIL).pk}),
        ("account", {"pk": site.case(EVIL).account_id}),
        ("audit", {}),
    ]
    for name, where in pages:
        page = text(site.get(name, {"verdict": "all", "state": ""} if name == "review" else None, **where))
        assert "\u202e" not in page
        assert "rlo⟨U+202E⟩evil.exe" in page


@pytest.mark.parametrize(
    "character", ["\u202a", "\u2066", "\u200f", "\u200b", "\ufeff", "\x07", "\x1b", "\x85", "\u2028"]
)
def test_every_control_is_shown_by_its_number(character: str) -> None:
    assert visible(f"<p>a{character}b</p>") == f"<p>a⟨U+{ord(character):04X}⟩b</p>"


@pytest.mark.parametrize("character", ["\n", "\t", "é", "א", "\u200d", "👩‍🚒"])
def test_what_writing_needs_stays(character: str) -> None:
    assert visible(f"<p>a{character}b</p>") == f"<p>a{character}b</p>"


def test_what_people_edit_stays_as_it_is() -> None:
    page = f'<textarea name="text">{EVIL}</textarea><input value="{EVIL}"><b>{EVIL}</b>'
    assert visible(page) == page.replace(f"<b>{EVIL}", "<b>rlo⟨U+202E⟩evil.exe")


@pytest.mark.parametrize(
    ("given", "contact"),
    [
        ("Clean-up <help@ville.example>", "help@ville.example"),
        ("help@ville.example", "help@ville.example"),
        ("the help desk, room 12", "the help desk, room 12"),
    ],
)
def test_the_contact_in_links_is_an_address_alone(monkeypatch: pytest.MonkeyPatch, given: str, contact: str) -> None:
    monkeypatch.setenv("EMAIL_CONTACT", given)
    assert environment.contact("EMAIL_CONTACT", default="") == contact
