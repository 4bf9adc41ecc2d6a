"""What is only asked for, by GET or HEAD, leaves no trace in the audit, whatever the address asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import AuditEntry, Workspace
from tests.web.records_kit import Site
from tests.web.shared.test_access import addresses_of

DOWNLOADS = ("export", "cleanup_export", "preview_accounts", "audit_export")
FORMATS = ("", "?format=csv", "?format=xlsx", "?format=pack")


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    site = Site(client, workspace, person)
    site.draft("ana.idle")
    return site.sign_in("administrator")


def traces_of(site: Site, names: Any) -> list[str]:
    """The addresses that left an entry when they were only asked for."""
    addresses, left = addresses_of(site, "ana.idle"), list[str]()
    for name in names or addresses:
        for query in FORMATS:
            for ask in (site.client.get, site.client.head):
                before = AuditEntry.objects.count()
                answer: Any = ask(addresses[name] + query)
                b"".join(answer)
                left += [f"{name}{query}"] * (AuditEntry.objects.count() - before)
    return left


def test_a_download_that_is_recorded_takes_a_form(site: Site) -> None:
    assert traces_of(site, DOWNLOADS) == []


@pytest.mark.slow(reason="every address is asked, in every way")
def test_whoever_only_reads_leaves_no_trace(site: Site) -> None:
    assert traces_of(site, ()) == []


def test_a_form_from_elsewhere_downloads_nothing(site: Site) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.cookies = site.client.cookies
    for name in DOWNLOADS:
        answer: Any = stranger.post(addresses_of(site, "ana.idle")[name], {"format": "csv"})
        assert answer.status_code == 403, name
    assert not AuditEntry.objects.filter(kind__endswith=".exported").exists()
