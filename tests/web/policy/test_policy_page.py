"""The policy page: nothing comes into force before its consequences were shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from accounts_review.models import PolicyPreview, Workspace
from accounts_review.rules.policy import DEFAULT_TEXT
from accounts_review.web.policy.difference import difference
from tests.factories import put_in_force
from tests.stage import policy_text
from tests.web.records_kit import HOSTILE, Site, text


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("administrator")


def send(site: Site, written: str, **more: Any) -> Any:
    over = site.workspace.current_policy.number
    return site.post("policy", {"text": written, "reason": "says the DPO", "over": over, **more})


def test_who_may_not_edit_reads(site: Site) -> None:
    page = site.sign_in("auditor").get("policy", {"tab": "toml"}).content
    assert b"readonly" in page
    assert b"Preview the change" not in page


def test_a_new_text_is_proposed_and_nothing_is_in_force_yet(site: Site) -> None:
    answer = send(site, policy_text(limit=365))
    policy_preview = PolicyPreview.objects.get()
    assert answer["Location"] == site.at("policy_preview", pk=policy_preview.pk)
    assert (policy_preview.text, policy_preview.reason, policy_preview.state) == (
        policy_text(limit=365),
        "says the DPO",
        "ready",
    )
    assert site.workspace.current_policy.number == 1
    assert site.at("policy_preview", pk=policy_preview.pk) in text(site.get("policy"))


def test_the_text_in_force_is_nothing_to_propose(site: Site) -> None:
    assert "This text is already in force" in text(send(site, DEFAULT_TEXT))
    assert not PolicyPreview.objects.exists()


def test_every_fault_is_named_with_its_line(site: Site) -> None:
    broken = DEFAULT_TEXT.replace("per_hour", "per_huor").replace(
        "share_of_population = 0.25", "share_of_population = 9"
    )
    page = send(site, broken)
    hour, share = (
        DEFAULT_TEXT.splitlines().index(line) + 1 for line in ("per_hour = 200", "share_of_population = 0.25")
    )
    assert [(fault.line, fault.key, line) for fault, line in page.context["faults"]] == [
        (hour, "limits.per_huor", "per_huor = 200"),
        (share, "limits.share_of_population", "share_of_population = 9"),
    ]
    assert f'data-faulty="{hour} {share}"' in text(page)
    assert 'aria-describedby="faults"' in text(page)
    assert "2 errors in the text. Nothing was changed." in text(page)
    assert page.context["form"]["text"].value() == broken
    assert site.workspace.current_policy.number == 1


def test_a_preview_asks_for_no_reason_and_putting_it_in_force_does(site: Site) -> None:
    site.post("policy", {"text": DEFAULT_TEXT.replace("= 730", "= 800"), "reason": " ", "over": 1})
    policy_preview = PolicyPreview.objects.get()
    page = site.get("policy_preview", pk=policy_preview.pk)
    data = {"verb": "activate", "seen": page.context["seen"]}
    refused = text(site.follow("policy_preview", data | {"reason": " "}, pk=policy_preview.pk))
    assert "Give a reason" in refused
    assert site.workspace.current_policy.number == 1
    site.post("policy_preview", data | {"reason": "says the DPO"}, pk=policy_preview.pk)
    assert (site.workspace.current_policy.number, site.workspace.current_policy.reason) == (2, "says the DPO")


def test_a_text_over_an_old_version_is_refused_and_kept(site: Site) -> None:
    site.adopt(limit=500)
    mine = policy_text(limit=365)
    page = site.post("policy", {"text": mine, "reason": "mine", "over": 1})
    assert page.status_code == 409
    assert "Another version came into force" in text(page)
    assert page.context["form"]["text"].value().strip() == mine.strip()
    assert page.context["form"]["over"].value() == 2
    assert site.workspace.current_policy.number == 2


def test_lines_are_kept_as_a_browser_sends_them(site: Site) -> None:
    send(site, DEFAULT_TEXT.replace("\n", "\r\n").replace("730", "731"))
    assert PolicyPreview.objects.get().text == DEFAULT_TEXT.replace("730", "731")


def test_the_history_shows_who_changed_what_and_why(site: Site) -> None:
    site.adopt(limit=365)
    page = site.get("policy")
    history = page.context["history"]
    assert [revision.version.number for revision in history] == [2, 1]
    assert "“everyone” (everyone no other segment matches) counts as dormant after 365 days" in text(page)
    assert 'id="version-2"' in text(page)
    assert site.at("policy_version", number=1) in text(page)


def test_every_version_has_a_page_for_good(site: Site) -> None:
    put_in_force(site.workspace, DEFAULT_TEXT.replace("= 730", "= 365"), now=now(), reason="DPO")
    page = site.sign_in("auditor").get("policy_version", number=2)
    changed = [(line.kind, line.text) for line in page.context["revision"].difference]
    assert ("removed", "-dormant_after_days = 730") in changed
    assert ("added", "+dormant_after_days = 365") in changed
    assert "Restore this version" not in text(page)
    assert site.get("policy_version", number=1).status_code == 200
    assert site.get("policy_version", number=3).status_code == 404


def test_an_old_version_is_restored_as_a_draft(site: Site) -> None:
    site.adopt(limit=365)
    old = site.get("policy_version", number=1)
    assert f"{site.at('policy')}?restore=1" in text(old)
    page = site.get("policy", {"restore": "1"})
    assert page.context["form"]["text"].value() == DEFAULT_TEXT
    assert page.context["form"]["reason"].value() == "Restores version 1"
    assert page.context["form"]["over"].value() == 2
    assert site.workspace.current_policy.number == 2
    assert site.get("policy", {"restore": "9"}).status_code == 404


def test_a_preview_can_be_taken_up_again(site: Site) -> None:
    send(site, policy_text(limit=365))
    page = site.get("policy", {"policy_preview": PolicyPreview.objects.get().pk})
    assert page.context["form"]["text"].value() == policy_text(limit=365)
    assert site.get("policy", {"policy_preview": "99999"}).context["form"]["text"].value() == DEFAULT_TEXT


def test_the_same_text_differs_in_nothing() -> None:
    assert difference(DEFAULT_TEXT, DEFAULT_TEXT) == []


def test_what_people_wrote_is_never_markup(site: Site) -> None:
    named = f'# {HOSTILE}\n[[segment]]\nname = "{HOSTILE}"\ndormant_after_days = 9\n'
    send(site, named, reason=HOSTILE)
    policy_preview = PolicyPreview.objects.get()
    for page in (
        site.get("policy_preview", pk=policy_preview.pk),
        site.get("policy", {"policy_preview": policy_preview.pk}),
    ):
        assert HOSTILE.encode() not in page.content
    put_in_force(site.workspace, named, now=now(), reason=HOSTILE)
    for page in (site.get("policy"), site.get("policy_version", number=2), send(site, HOSTILE)):
        assert HOSTILE.encode() not in page.content


def test_nobody_else_can_send_one(site: Site) -> None:
    site.sign_in("operator")
    assert send(site, policy_text(limit=365)).status_code == 403
    assert not PolicyPreview.objects.exists()
