"""An outcome that no check settles: the page of the case asks an administrator, who has looked in Huwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import Case, Cleanup, Workspace
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


@pytest.fixture
def running(site: Site) -> Cleanup:
    site.go_live()
    return site.launched("cy")


def unknown_for(site: Site, **time: int) -> Case:
    site.put("cy", "unknown")
    Case.objects.filter(pk=site.case("cy").pk).update(moved_at=now() - timedelta(**time))
    return site.case("cy")


def act(site: Site, what: str, **fields: Any) -> Any:
    case = site.case("cy")
    return site.follow("cases", {"act": what, "case": [case.pk], **fields}, number=case.cleanup.number)


def test_nobody_is_asked_while_it_is_being_checked(site: Site, running: Cleanup) -> None:
    case = unknown_for(site, minutes=30)
    site.sign_in("administrator")
    page = site.get("case", number=running.number, pk=case.pk)
    assert "Each account is checked twice" in text(page)
    assert b'value="gone"' not in page.content
    assert "still checking" in text(act(site, "gone", reason="looked"))
    assert site.case("cy").state == "unknown"


def test_after_an_hour_an_administrator_says_whether_it_is_gone(site: Site, running: Cleanup) -> None:
    case = unknown_for(site, hours=2)
    page = site.get("case", number=running.number, pk=case.pk)
    assert "whether it is gone or still there" in text(page)
    assert b'value="gone"' not in page.content, "to an operator"
    assert act(site, "gone", reason="looked").status_code == 403

    site.sign_in("administrator")
    assert b'value="there"' in site.get("case", number=running.number, pk=case.pk).content
    assert "Give a reason" in text(act(site, "gone"))
    assert "1 account is recorded as revoked." in text(act(site, "gone", reason="looked"))
    assert site.case("cy").state == "revoked"
    assert "an administrator looked in Huwise" in text(site.get("case", number=running.number, pk=case.pk))


def test_or_still_there(site: Site, running: Cleanup) -> None:
    unknown_for(site, hours=2)
    site.sign_in("administrator")
    assert "1 account will be checked again." in text(act(site, "there", reason="looked"))
    assert site.case("cy").state == "due"


def test_in_a_cancelled_cleanup_nobody_is_told_of_another_check(site: Site, running: Cleanup) -> None:
    case = unknown_for(site, minutes=30)
    Cleanup.objects.filter(pk=running.pk).update(state="cancelled")
    page = site.get("case", number=running.number, pk=case.pk)
    assert "if it is still there, it keeps its access" in text(page)

    unknown_for(site, hours=2)
    site.sign_in("administrator")
    page = site.get("case", number=running.number, pk=case.pk)
    assert "The clean-up was cancelled, so it keeps its access." in text(page)
    assert "checked again" not in text(page)
    assert "1 account left the clean-up and keeps its access." in text(act(site, "there", reason="looked"))
    assert site.case("cy").state == "withdrawn"
