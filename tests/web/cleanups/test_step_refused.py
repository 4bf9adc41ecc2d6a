"""What was left out in a next step is said beside its button, and nothing that was written is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts_review.models import Cleanup, Workspace
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("operator")


def test_what_is_missing_is_said_where_it_was_forgotten(site: Site) -> None:
    cleanup = site.launched("ana", "ben")
    site.put("ana", "refused")
    site.put("ben", "would_revoke")
    Cleanup.objects.filter(pk=cleanup.pk).update(state="closed")
    data = {"act": "again", "step": "again", "reason": "the quota was raised"}
    answer = site.follow("cases", data, number=cleanup.number)
    assert answer.redirect_chain[-1][0] == f"{site.at('cleanup', number=cleanup.number)}#why-again"
    (page, refused, again) = text(answer).split('class="panel mb-4 step ')
    said = 'id="why-again" tabindex="-1">Select at least one account first.'
    assert [said in part for part in (page, refused, again)] == [False, False, True]
    assert ["the quota was raised" in part for part in (refused, again)] == [False, True]
    assert "<details open>" in again


def test_what_is_missing_is_said_above_where_the_step_has_gone(site: Site) -> None:
    cleanup = site.launched("ana")
    site.put("ana", "revoked")
    Cleanup.objects.filter(pk=cleanup.pk).update(state="closed")
    answer = site.follow("cases", {"act": "again", "step": "again", "all": "again"}, number=cleanup.number)
    assert "This no longer applies to any of them." in text(answer)
