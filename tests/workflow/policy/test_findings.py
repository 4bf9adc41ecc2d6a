"""A proposed policy is held against the people it is for: names that match nobody, risks, and every loosening."""

from __future__ import annotations

from typing import Any

import pytest

from accounts_review.wording.policy_findings import SAID, in_words
from accounts_review.workflow.policy import preview
from huwise_sandbox import records
from tests.stage import SetStage, Stage, policy_text, someone

GROUPS = [records.group("publishers", "Data publishers", []), records.group("empty", "Empty", ["edit_page"])]
BASE = """
[[segment]]
name = "special"
{condition}
dormant_after_days = 400
[[segment]]
name = "everyone"
dormant_after_days = 730
[protect]
{protect}
[notice]
days = 0
"""


@pytest.fixture
def stage(set_stage: SetStage) -> Stage:
    anna = someone("Anna.Ext", email="Anna@Partner.example", groups=[{"uid": "publishers"}], account_type="local")
    return set_stage(anna, someone("marie", permissions=["edit_form"]), someone("svc-backup"), groups=GROUPS)


def findings(stage: Stage, text: str) -> list[dict[str, Any]]:
    made = preview.propose(workspace=stage.workspace, text=text, actor=None, reason="", now=stage.clock())
    assert preview.judge(policy_preview=made, clock=stage.clock)
    made.refresh_from_db()
    for found in made.findings:
        assert found["code"] in SAID
        assert "%(" not in in_words(found)
    return list(made.findings)


def about_names(stage: Stage, *, condition: str = "never_used = false", protect: str = "") -> list[str]:
    found = findings(stage, BASE.format(condition=condition, protect=protect or 'groups = ["publishers"]'))
    named = ("unmatched", "unknown_permissions", "empty_segment")
    return [in_words(one) for one in found if one["code"] in named]


@pytest.mark.parametrize(
    ("protect", "said"),
    [
        (
            'groups = ["publishres"]',
            "Protected groups: none of 24 accounts matches “publishres”. Did you mean “publishers”?",
        ),
        (
            'groups = ["Data Publishers", "PUBLISHERS"]',
            "Protected groups: none of 24 accounts matches “Data Publishers”. Did you mean “publishers”?",
        ),
        ('groups = ["empty"]', "Protected groups: none of 24 accounts matches “empty”."),
        ('groups = []\nusernames = ["SVC-*", "bot-*"]', "Protected usernames: none of 24 accounts matches “bot-*”."),
        (
            'groups = []\nemail_domains = ["partner.example", "a.example"]',
            "Protected e-mail domains: none of 24 accounts matches “a.example”.",
        ),
        (
            'groups = []\npermissions = ["edit_forms", "edit_page"]',
            "Protected rights: not a known right: “edit_forms”. Held by 0 accounts. Did you mean “edit_form”?",
        ),
    ],
    ids=lambda value: value[:40],
)
def test_a_name_that_protects_nobody_is_said_with_the_number(stage: Stage, protect: str, said: str) -> None:
    assert about_names(stage, protect=protect) == [said]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ('groups = ["publisher"]', "groups: none of 24 accounts matches “publisher”. Did you mean “publishers”?"),
        ('usernames = ["*.ext", "*.extern"]', "usernames: none of 24 accounts matches “*.extern”."),
        ('emails = ["*@partner.EXAMPLE", "*@b"]', "e-mail addresses: none of 24 accounts matches “*@b”."),
        ('email_domains = ["partner.example", "b"]', "e-mail domains: none of 24 accounts matches “b”."),
        (
            'account_types = ["LOCAL", "locals"]',
            "account types: none of 24 accounts matches “locals”. Did you mean “local”?",
        ),
        ('permissions = ["edit_form", "fly"]', "rights: not a known right: “fly”"),
        ('permissions = ["edit_theme"]', "rights: none of 24 accounts matches “edit_theme”."),
    ],
    ids=lambda value: value[:40],
)
def test_a_condition_that_nobody_meets_is_said_with_its_segment(stage: Stage, condition: str, said: str) -> None:
    (found,) = about_names(stage, condition=condition)
    assert found.startswith(f"segment “special”, {said}")


def test_conditions_that_nobody_meets_together_are_said(stage: Stage) -> None:
    condition = 'groups = ["publishers"]\nusernames = ["marie"]'
    assert about_names(stage, condition=condition) == ["The segment “special” would hold no account."]


def test_a_segment_that_another_leaves_nobody_is_said(stage: Stage) -> None:
    text = "".join(f"[[segment]]\nname = '{name}'\ndormant_after_days = 400\n" for name in ("first", "second"))
    assert {"code": "empty_segment", "segment": "second", "total": 24} in findings(stage, text)


def test_names_that_match_somebody_are_not_spoken_of(stage: Stage) -> None:
    condition = 'account_types = ["Local"]\ngroups = ["PUBLISHERS"]\nusernames = ["anna.*"]\nemails = ["*@PARTNER.*"]'
    protect = 'groups = ["Publishers"]\nusernames = ["svc-*"]\nemail_domains = ["PARTNER.example"]'
    assert about_names(stage, condition=condition, protect=protect) == []


def test_a_loosening_is_said_with_the_number_of_those_it_touches(stage: Stage) -> None:
    stage.adopt(BASE.format(condition="never_used = false", protect='groups = ["Publishers"]\nusernames = ["svc-*"]'))
    text = BASE.format(condition="never_used = false", protect="groups = []").replace("400", "30")
    said = [in_words(found) for found in findings(stage, text)]
    assert "Protected groups: “Publishers” removed. 1 account is protected that way now." in said
    assert "Protected usernames: “svc-*” removed. 1 account is protected that way now." in said
    assert "“special” counts as dormant after 30 days; before, 400 days. 2 accounts would be dormant." in said
    assert "“special” counts as dormant after only 30 days. 2 accounts would be dormant." in said
    assert "2 accounts that are not dormant now would be." in said


def test_what_is_looser_for_some_is_said_with_numbers(stage: Stage) -> None:
    stage.adopt(BASE.format(condition="never_used = false", protect="") + 'avoid = ["weekends"]\n')
    text = BASE.format(condition="never_used = false", protect="").replace("everyone", "all the rest")
    text = text.replace("730", "100") + "[retention]\nmonths_after_end = 1\nkeep_audit_names_months = 2\n"
    said = [in_words(found) for found in findings(stage, text)]
    some = "“all the rest” counts as dormant after 100 days; before, up to 730 days for some of its accounts. "
    (found,) = [one for one in said if one.startswith(some)]
    assert found.endswith("would be dormant.")
    assert "E-mails and removals can happen again on days that were avoided: “weekends”." in said
    gone = "The data of accounts that are gone is erased sooner"
    assert f"{gone}, after fewer months: 1; before, 12." in said
    assert "The names of people who left are erased sooner, after fewer months: 2; before, 24." in said


def test_before_anybody_was_read_no_name_can_be_looked_for(set_stage: SetStage) -> None:
    stage = set_stage(synced=False)
    found = findings(stage, policy_text(groups=["nobody"]))
    assert found[0] == {"code": "nobody_read"}
    assert "unmatched" not in [one["code"] for one in found]


def test_a_preview_that_is_judged_anew_says_what_is_so_then(stage: Stage) -> None:
    text = BASE.format(condition='usernames = ["zoe"]', protect="")
    made = preview.propose(workspace=stage.workspace, text=text, actor=None, reason="", now=stage.clock())
    preview.judge(policy_preview=made, clock=stage.clock)
    stage.site.workspace.put(someone("ZOE"))
    stage.sync()
    preview.resume(policy_preview=made, actor=None, now=stage.clock())
    preview.judge(policy_preview=made, clock=stage.clock)
    made.refresh_from_db()
    assert not [one for one in made.findings if one.get("names") == ["zoe"]]
