"""What is only asked for leaves no trace in the audit, but a list that was taken: that is recorded, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import AuditEntry, Workspace
from tests.web.records_kit import Site
from tests.web.shared.test_access import addresses_of

TAKEN = ("export", "cleanup_export", "preview_accounts")
FORMATS = ("", "?format=csv", "?format=xlsx", "?format=pack")


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    site = Site(client, workspace, person)
    site.draft("ana.idle")
    return site.sign_in("administrator")


def recorded(ask: Callable[[str], Any], address: str) -> int:
    """How many entries were written while an address was asked for and its answer read to the end."""
    before = AuditEntry.objects.count()
    b"".join(ask(address))
    return AuditEntry.objects.count() - before


def test_a_list_that_was_taken_is_recorded_and_a_look_at_its_headers_is_not(site: Site) -> None:
    addresses = addresses_of(site, "ana.idle")
    for name in TAKEN:
        assert recorded(site.client.get, f"{addresses[name]}?format=csv") == 1
        assert recorded(site.client.head, f"{addresses[name]}?format=csv") == 0


@pytest.mark.slow(reason="every address is asked, in every way")
def test_whoever_only_reads_leaves_no_trace(site: Site) -> None:
    addresses = addresses_of(site, "ana.idle")
    for address in (address + query for address in addresses.values() for query in FORMATS):
        assert recorded(site.client.head, address) == 0, address
    for address in (address + query for name, address in addresses.items() for query in FORMATS if name not in TAKEN):
        assert recorded(site.client.get, address) == 0, address
