"""A portal that knows nobody yet shows what has to be right, and how to put it right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Workspace
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


def states(site: Site) -> list[str]:
    return [check.state for check in site.get("overview").context["first_checks"]]


def described(settings: Any) -> None:
    settings.HUWISE = {"main": {"url": "http://127.0.0.1:9", "api_key": "a-long-key", "key_owner": ""}}


def test_without_an_address_it_says_what_to_set(site: Site, settings: Any) -> None:
    settings.HUWISE = {}

    page = text(site.get("overview"))

    assert states(site)[:2] == ["bad", "bad"]
    assert "Set HUWISE_URL and HUWISE_API_KEY" in page
    assert site.at("settings") in page


def test_what_the_connection_check_found_is_told_with_its_cure(site: Site, settings: Any) -> None:
    described(settings)
    assert states(site)[:2] == ["open", "open"]
    findings = [
        {"code": "reach", "is_good": True, "host": "data.ville.example", "count": 12},
        {"code": "owner_unknown", "is_good": False},
        {"code": "api", "is_good": False, "kind": "Forbidden", "error": HOSTILE},
    ]
    site.workspace.connection_checks.create(at=now(), findings=findings[:2])

    assert states(site)[:2] == ["good", "bad"]
    assert "The API does not say who owns the key" in text(site.get("overview"))
    site.workspace.connection_checks.create(at=now(), findings=findings)
    assert states(site)[:2] == ["bad", "bad"]
    assert HOSTILE.encode() not in site.get("overview").content


def test_mail_that_goes_into_a_folder_is_told(site: Site, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert states(site)[2] == "bad"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert states(site)[2] == "open"


def test_the_first_sync_starts_here_for_whoever_may(site: Site, settings: Any) -> None:
    described(settings)
    assert "Start the first sync" in text(site.get("overview"))
    assert "Start the first sync" not in text(site.sign_in("auditor").get("overview"))


def test_once_somebody_is_known_it_is_gone(site: Site) -> None:
    site.people("ana")

    assert "Start the first sync" not in text(site.get("overview"))
    assert site.get("overview").context["first_checks"] == []
