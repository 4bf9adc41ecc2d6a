"""The policy as a form: it writes the text, keeps its comments, and says what is looser before anything is saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts_review.models import PolicyPreview, Workspace
from accounts_review.rules.policy import DEFAULT_TEXT
from tests.factories import make_group, put_in_force
from tests.web.records_kit import HOSTILE, Site, text

COMMENTED = DEFAULT_TEXT.replace("dormant_after_days = 730", "dormant_after_days = 730 # two years").replace(
    "per_hour = 200", "per_hour = 200 # slowly"
)


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    site = Site(client, workspace, person).sign_in("administrator")
    make_group(workspace, "admins", title="Administrators of the city", permissions=[])
    site.people("ana", "ben", idle=800)
    site.people("cy", idle=400)
    return site


def filled_in(page: Any, **changes: Any) -> dict[str, Any]:
    """What a browser would send of the form on a page, with other values in some fields."""
    editor, fields = page.context["editor"], {}
    for form in [editor.values, *editor.segments, editor.segments.management_form]:
        for bound in form:
            value = bound.value()
            if value not in (None, False, ""):
                fields[bound.html_name] = "on" if value is True else value
    sent = {"base": editor.base, "over": page.context["current"].number, "reason": "says the DPO", **fields, **changes}
    return {name: value for name, value in sent.items() if value is not None}


def test_the_form_is_what_opens_and_shows_the_policy_in_words(site: Site) -> None:
    page = site.get("policy")

    assert 'value="never activated"' in text(page)
    assert "Administrators of the city" in text(page)
    assert "Edit their own datasets" in text(page)
    assert "<strong>2</strong> of 3 would be dormant" in text(page)


def test_sent_as_it_is_it_changes_nothing(site: Site) -> None:
    page = site.get("policy")

    answer = site.post("policy", filled_in(page))

    assert "This text is already in force" in text(answer)
    assert not PolicyPreview.objects.exists()


def test_a_changed_limit_is_previewed_and_every_comment_stays(site: Site) -> None:
    put_in_force(site.workspace, COMMENTED, now=now())
    page = site.get("policy")

    answer = site.post("policy", filled_in(page, **{"segment-1-days": "365", "limits__per_hour": "100"}))

    policy_preview = PolicyPreview.objects.get()
    assert answer["Location"] == site.at("policy_preview", pk=policy_preview.pk)
    assert policy_preview.text == COMMENTED.replace("= 730 #", "= 365 #").replace("= 200 #", "= 100 #")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"notice__days": "45"}, "days = 45"),
        ({"approval__two_people": "on"}, "two_people = true"),
        ({"limits__share_of_population": "10"}, "share_of_population = 0.1"),
        ({"protect__usernames-more": "svc.*, bot"}, 'usernames = ["svc.*", "bot"]'),
        ({"segment-0-groups-more": "partners"}, 'groups = ["partners"]'),
        ({"notice__reminders_days_before": ["7"]}, "reminders_days_before = [7]"),
        ({"protect__groups": ["admins"]}, 'groups = ["admins"]'),
    ],
)
def test_each_field_writes_its_key(site: Site, changes: dict[str, Any], line: str) -> None:
    site.post("policy", filled_in(site.get("policy"), **changes))

    assert line in PolicyPreview.objects.get().text.splitlines()


def test_a_right_that_is_not_ticked_no_longer_protects(site: Site) -> None:
    page = site.get("policy")
    held = [right for right in filled_in(page)["protect__permissions"] if right != "edit_theme"]

    site.post("policy", filled_in(page, protect__permissions=held))

    rules = PolicyPreview.objects.get().rules
    assert "edit_theme" not in rules.protect.permissions
    assert "edit_domain" in rules.protect.permissions


def test_a_segment_is_added_before_the_last_and_another_removed(site: Site) -> None:
    new = {"segment-2-name": "partners", "segment-2-days": "900", "segment-2-groups-more": "partners"}

    site.post("policy", filled_in(site.get("policy"), **new, **{"segment-0-DELETE": "on"}))

    assert [segment.name for segment in PolicyPreview.objects.get().rules.segments] == ["partners", "everyone else"]


@pytest.mark.matrix(fast=2, reason="each mistake is a whole page")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"segment-1-days": "0"}, "greater than or equal to 1"),
        ({"segment-1-days": ""}, "This field is required"),
        ({"segment-0-name": "everyone else"}, "two segments are called"),
        ({"approval__expires_after_days": "20"}, "An approval expires after (days): must be longer than the notice"),
        ({"protect__email_domains-more": "*.example"}, "E-mail domains: &#x27;*.example"),
        ({"segment-0-email_domains-more": "*.example"}, "Segment, E-mail domain: &#x27;*.example"),
        ({"segment-1-never_used": "yes"}, "the last segment must match everyone"),
        ({"notice__reminders_days_before": ["soon"]}, "Reminders are whole numbers"),
        ({"protect__permissions": ["no_such_right"]}, "Select a valid choice"),
        ({"base": "= nonsense"}, "not valid TOML"),
    ],
)
def test_what_is_no_policy_is_said_and_what_was_filled_in_is_kept(
    site: Site, changes: dict[str, Any], said: str
) -> None:
    answer = site.post("policy", filled_in(site.get("policy"), reason="keep me", **changes))

    assert answer.status_code == 400
    assert said in text(answer).replace("&quot;", '"')
    assert "keep me" in text(answer)
    assert not PolicyPreview.objects.exists()


def test_the_form_becomes_a_text_and_the_text_a_form_without_being_saved(site: Site) -> None:
    as_text = site.post("policy", filled_in(site.get("policy"), verb="as_text", **{"segment-1-days": "365"}))

    written = as_text.context["form"]["text"].value()
    assert "dormant_after_days = 365" in written
    again = site.post("policy", {"text": f"# mine\n{written}", "over": 1, "reason": "r", "verb": "as_form"})
    assert again.context["editor"].base.startswith("# mine\n")
    assert again.context["form"]["reason"].value() == "r"
    assert 'value="365"' in text(again)
    assert not PolicyPreview.objects.exists()


def test_a_text_with_faults_stays_a_text(site: Site) -> None:
    page = site.post("policy", {"text": "x = 1", "over": 1, "reason": "r", "verb": "as_form"})

    assert page.context["editor"] is None
    assert "unknown key" in text(page)


def test_what_is_looser_is_said_while_the_form_is_filled_in(site: Site) -> None:
    page = site.get("policy")

    checked = text(site.post("policy_check", filled_in(page, **{"segment-1-days": "365", "notice__days": "10"})))

    assert "Looser than the policy in force" in checked
    assert "counts as dormant after 365 days; before, 730 days. 3 accounts would be dormant." in checked
    assert "The notice is shorter: 10 days; before, 30 days." in checked
    assert "<strong>3</strong> of 3 would be dormant" in checked
    stricter = text(site.post("policy_check", filled_in(page, **{"segment-1-days": "900"})))
    assert "Nothing in this change is looser" in stricter
    assert "<strong>0</strong> of 3 would be dormant" in stricter
    assert not PolicyPreview.objects.exists()


def test_each_account_is_looked_at_once_while_the_form_is_filled_in(site: Site) -> None:
    sent = filled_in(site.get("policy"), **{"segment-1-days": "365"})

    with CaptureQueriesContext(connection) as asked:
        site.post("policy_check", sent)

    assert sum("GROUP BY" in each["sql"] and "limit_days" in each["sql"] for each in asked.captured_queries) == 1


def test_a_limit_that_was_tried_is_taken_over_into_the_form(site: Site) -> None:
    tried = text(site.get("what_if", {"segment": "everyone else", "days": "365"}))
    assert f"{site.at('policy')}?limit=365&amp;segment=everyone%20else" in tried

    page = site.get("policy", {"limit": "365", "segment": "everyone else"})

    assert "dormant_after_days = 365" in page.context["editor"].base
    assert site.workspace.current_policy.text == DEFAULT_TEXT


def test_who_may_not_change_it_sees_it(site: Site) -> None:
    page = text(site.sign_in("auditor").get("policy"))

    assert '<fieldset class="policy-fields" disabled>' in page
    assert "Preview the change" not in page
    assert site.post("policy_check", {}).status_code == 403


def test_hostile_names_are_text_in_the_form(site: Site) -> None:
    make_group(site.workspace, "x", title=HOSTILE, permissions=[])
    site.people("dee", groups=[{"uid": HOSTILE}])

    page = site.get("policy")

    assert HOSTILE.encode() not in page.content
