"""The accounts behind the numbers of a preview."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import AuditEntry, Workspace
from accounts_review.workflow.review import decide
from tests.web.policy.test_preview_page import propose
from tests.web.records_kit import Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("administrator")


def test_a_number_leads_to_the_accounts_behind_it(site: Site) -> None:
    ana, _ben = site.people("ana", "ben", idle=400)
    site.people("cy", idle=100)
    policy_preview = propose(site, limit=365)
    (query,) = {
        cell.query
        for row in site.get("policy_preview", pk=policy_preview.pk).context["impact"].matrix
        for cell in row.cells
        if (row.before, cell.after) == ("active", "dormant")
    }
    page = site.client.get(f"{site.at('preview_accounts', pk=policy_preview.pk)}?{query}")
    assert [row.record.username for row in page.context["table"].rows] == ["ana", "ben"]
    assert site.at("account", pk=ana.pk) in text(page)
    csv: Any = site.client.get(f"{site.at('preview_accounts', pk=policy_preview.pk)}?{query}&format=csv")
    assert (
        b"".join(csv.streaming_content)
        .decode("utf-8-sig")
        .splitlines()[1]
        .startswith("ana,ana@ville.example,active,dormant,")
    )
    assert AuditEntry.objects.filter(kind="accounts.exported", data__count=2).exists()


@pytest.mark.parametrize("is_adopted", [False, True], ids=["another policy", "other limits"])
def test_every_number_leads_to_as_many_accounts(site: Site, is_adopted: bool) -> None:
    site.people("ana", "Ben", "Zoe", idle=400)
    site.people("dan", idle=400, permissions=["edit_domain"])
    site.people("eve", idle=5)
    until = now() + timedelta(days=30)
    exempt = site.people("fay", idle=2000)
    decide.exempt(accounts=exempt, actor=site.person("reviewer"), reason="long leave", until=until, now=now())
    site.launched("gil", "hal")
    if is_adopted:
        site.adopt(limit=730)
    policy_preview = propose(site, limit=5000 if is_adopted else 365)
    assert bool(policy_preview.moved_limits) == is_adopted
    impact = site.get("policy_preview", pk=policy_preview.pk).context["impact"]
    numbers = {cell.query: cell.count for row in impact.matrix for cell in row.cells}
    numbers |= {f"case={case.state}": case.spared for case in impact.cases}
    assert sum(numbers.values()) > 5
    lists = {
        query: site.client.get(f"{site.at('preview_accounts', pk=policy_preview.pk)}?{query}") for query in numbers
    }
    assert {query: len(page.context["table"].rows) for query, page in lists.items()} == numbers


def test_names_are_listed_whatever_their_capitals_and_stand_as_they_are(site: Site) -> None:
    site.people("Zoe", "ana", "Ben", "<b>eve", idle=400)
    policy_preview = propose(site, limit=365)
    page = site.client.get(f"{site.at('preview_accounts', pk=policy_preview.pk)}?after=dormant")
    assert [row.record.username for row in page.context["table"].rows] == ["<b>eve", "ana", "Ben", "Zoe"]
    assert "&lt;b&gt;eve" in text(page)
    assert "<b>eve" not in text(page)
    backwards = site.client.get(f"{site.at('preview_accounts', pk=policy_preview.pk)}?after=dormant&sort=-username")
    assert [row.record.username for row in backwards.context["table"].rows] == ["Zoe", "Ben", "ana", "<b>eve"]


@pytest.mark.parametrize("query", ["?before=nonsense", "?page=x", "?page=99", "?case=due", "?after=dormant&page=0"])
def test_an_odd_question_is_answered(site: Site, query: str) -> None:
    site.people("ana", idle=400)
    policy_preview = propose(site, limit=365)
    assert site.client.get(f"{site.at('preview_accounts', pk=policy_preview.pk)}{query}").status_code == 200
