"""Who is looked at when it is asked what the portal's role can do to the audit."""

from __future__ import annotations

import pytest
from django.db import connection
from pytest_django import Settings

from accounts_review.audit.verification.guards import powers


@pytest.mark.parametrize("named", ["", "a_role_of_a_pooler"])
def test_it_is_the_role_that_is_signed_in_whatever_the_settings_name(db: None, settings: Settings, named: str) -> None:
    """An address may leave the role to the system, and a pooler may sign in as another."""
    settings.HAS_OWNER_ROLE, settings.OWNER_ROLE, settings.RUNNING_ROLE = True, "the_owner", (named, "")
    assert "SUPERUSER" in powers()


@pytest.mark.parametrize(("running", "found"), [("pg_monitor", []), ("", ["SUPERUSER"])])
def test_where_the_owner_is_signed_in_it_is_the_role_that_the_settings_name(
    db: None, settings: Settings, running: str, found: list[str]
) -> None:
    owner = connection.settings_dict["USER"]
    settings.HAS_OWNER_ROLE, settings.OWNER_ROLE, settings.RUNNING_ROLE = True, owner, (running, "")
    assert powers()[:1] == found
