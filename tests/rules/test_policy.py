"""The policy text: what it says is what is read, and every fault names its key and its line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accounts_review.rules.dormancy import KNOWN_PERMISSIONS
from accounts_review.rules.policy import (
    CEILINGS,
    DEFAULT_TEXT,
    Approval,
    ExemptionRules,
    LaunchWait,
    Limits,
    Notice,
    Policy,
    PolicyError,
    PolicyFault,
    Protect,
    Segment,
    parse,
)
from accounts_review.rules.retention import Retention

FULL = """title = "Yearly clean-up"

[[segment]]                       # the first that matches wins; the last must match everyone
name = "never activated"
never_used = true                 # conditions: never_used, account_types, groups, permissions, email_domains
dormant_after_days = 90

[[segment]]
name = "partners"
never_used = false
account_types = ["local", "linked"]
groups = ["partners"]
permissions = ["explore_restricted_dataset"]
usernames = ["*.ext", " Anna "]
emails = ["*@Partner.Example"]
email_domains = ["@Town.Example", "b.org."]
dormant_after_days = 365

[[segment]]
name = "everyone else"
dormant_after_days = 730

[protect]
permissions = ["edit_domain", "publish_dataset"]
groups = ["admins", "publishers", "data-stewards"]
usernames = ["svc.*"]               # globs; capitals do not count, in groups neither
email_domains = []

[notice]
days = 30                         # 0: no notice, no waiting
reminders_days_before = [1, 7, 7]

[approval]
two_people = false                # true: who launched cannot confirm
expires_after_days = 60           # must be longer than the notice

[limits]                          # these are the defaults, not the ceilings
per_cleanup = 500
per_hour = 200
share_of_population = 0.25

[exemption]
longest_days = 400                # at most 3650
"""

NEVER = Segment(name="never activated", never_used=True, dormant_after_days=90)
EVERYONE = Segment(name="everyone else", dormant_after_days=730)
LAST = '[[segment]]\nname = "all"\ndormant_after_days = 9\n'


def faults(text: str) -> list[PolicyFault]:
    with pytest.raises(PolicyError) as refused:
        parse(text)
    assert str(refused.value) == "\n".join(map(str, refused.value.faults))
    return refused.value.faults


# What a text says


def test_the_full_example_is_read_as_it_says() -> None:
    assert parse(FULL) == Policy(
        title="Yearly clean-up",
        segments=(
            NEVER,
            Segment(
                name="partners",
                never_used=False,
                account_types=("local", "linked"),
                groups=("partners",),
                permissions=("explore_restricted_dataset",),
                usernames=("*.ext", "Anna"),
                emails=("*@Partner.Example",),
                email_domains=("town.example", "b.org"),
                dormant_after_days=365,
            ),
            EVERYONE,
        ),
        protect=Protect(
            permissions=frozenset({"edit_domain", "publish_dataset"}),
            groups=frozenset({"admins", "publishers", "data-stewards"}),
            usernames=("svc.*",),
            email_domains=frozenset(),
        ),
        notice=Notice(days=30, reminders_days_before=(7, 1)),
        approval=Approval(two_people=False, expires_after_days=60),
        launch=LaunchWait(wait_hours=24),
        limits=Limits(per_cleanup=500, per_hour=200, share_of_population=0.25, pause_at_regret=0.1),
        exemption=ExemptionRules(longest_days=400),
        retention=Retention(months_after_end=12, keep_audit_names_months=24),
    )


def test_the_default_policy_follows_the_vendors_advice() -> None:
    policy = parse(DEFAULT_TEXT)
    assert policy.segments == (NEVER, EVERYONE)
    assert policy.notice == Notice(days=30, reminders_days_before=(7, 1))
    assert policy.protect.groups == {"admins", "publishers", "data-stewards"}
    assert policy.protect.permissions >= {
        *("edit_domain", "manage_subdomains", "create_dataset", "edit_dataset", "publish_dataset", "manage_dataset"),
        *("create_page", "edit_page", "manage_page", "edit_theme", "edit_form", "edit_reuse", "manage_glossary"),
        *("manage_showcase_requests", "create_external_asset", "edit_external_asset"),
    }


def test_what_is_left_out_has_its_default() -> None:
    default = parse(DEFAULT_TEXT)
    assert parse("title = 'Mine'") == replace(default, title="Mine")
    assert parse("[protect]\ngroups = ['admins', 'publishers', 'data-stewards']") == replace(default, title="Policy")
    assert parse("[limits]\nper_hour = 5").limits == replace(default.limits, per_hour=5)
    assert parse('[protect]\nusernames = ["x"]').protect == replace(default.protect, usernames=("x",))
    assert parse("[approval]\ntwo_people = true").approval == Approval(two_people=True, expires_after_days=60)
    assert parse("[notice]\ndays = 5").notice == Notice(days=5, reminders_days_before=())


@pytest.mark.parametrize("protect", ["permissions = []", 'permissions = ["edit_page"]', ""])
def test_edit_domain_is_always_protected(protect: str) -> None:
    assert "edit_domain" in parse(f"title = 'x'\n[protect]\n{protect}").protect.permissions


def test_without_a_notice_there_is_nothing_to_remind_of() -> None:
    assert parse("[notice]\ndays = 0\nreminders_days_before = [7]").notice == Notice(days=0, reminders_days_before=())


@pytest.mark.parametrize(
    "text",
    [
        "[limits]\nper_hour = 200\nper_cleanup = 3",
        "limits.per_hour = 200\nlimits.per_cleanup = 3",
        "limits = { per_hour = 200, per_cleanup = 3 }",
        '["limits"]\n"per_hour" = 200\n\'per_cleanup\' = 3',
        "[limits]\r\nper_hour = 200 # = 7\r\n# per_cleanup = 5\r\nper_cleanup = 3\r\n",
        "[ limits ] # x = 1\n  per_hour=2_00\n\tper_cleanup = 0x3",
    ],
    ids=repr,
)
def test_every_way_to_write_toml_says_the_same(text: str) -> None:
    assert parse(text) == parse("[limits]\nper_cleanup = 3")


def test_segments_may_stand_in_one_list() -> None:
    assert parse('segment = [{name = "all", dormant_after_days = 9}]') == parse(LAST)


@pytest.mark.parametrize(
    "text",
    [
        f"[limits]\nper_cleanup = {CEILINGS['per_cleanup']}\nper_hour = {CEILINGS['per_hour']}",
        f"limits.share_of_population = {CEILINGS['share_of_population']}",
        "[notice]\ndays = 3\nreminders_days_before = [2, 1]\n[approval]\nexpires_after_days = 4",
        f'title = "{"é" * 200}"',
        LAST + "groups = []",
        LAST.replace("9", "36500"),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_just_allowed_is_allowed(text: str) -> None:
    parse(text)


# What it must not say


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        # unknown keys, at every level
        ("\ncolour = 1", 2, "colour"),
        ("[colours]\nred = 1", 1, "colours"),
        ("\ncolours.red = 1\ncolours.blue = 1", 2, "colours"),
        ("title = 'x'\n[colours.red]\nx = 1", 2, "colours"),
        ("[limits]\nper_hour = 1\nper_day = 1", 3, "limits.per_day"),
        ("[protect]\ngroups = []\nuids = []", 3, "protect.uids"),
        ("[protect]\n[protect.uids]\nx = 1", 2, "protect.uids"),
        ("[notice]\nhours = 1", 2, "notice.hours"),
        ("[approval]\nthree_people = true", 2, "approval.three_people"),
        ("[[segment]]\nname = 'a'\nlimit = 3\ndormant_after_days = 1\n" + LAST, 3, "segment.limit"),
        # the wrong type
        ("title = 5", 1, "title"),
        ("title = ' '", 1, "title"),
        (f"title = '{'x' * 201}'", 1, "title"),
        ('title = "a\\u0000"', 1, "title"),
        ('title = """a\nb"""', 1, "title"),
        ("segment = 5", 1, "segment"),
        ("segment = []", 1, "segment"),
        ("segment = [5]", 1, "segment"),
        ("[segment]\nname = 'a'", 1, "segment"),
        ("\nlimits = 5", 2, "limits"),
        ("[[limits]]\nper_hour = 5", 1, "limits"),
        ("notice = []", 1, "notice"),
        ("[protect]\ngroups = 'admins'", 2, "protect.groups"),
        ("[protect]\ngroups = [5]", 2, "protect.groups"),
        ("[protect]\npermissions = ['']", 2, "protect.permissions"),
        ('[protect]\nusernames = ["\\u0000"]', 2, "protect.usernames"),
        ("[protect]\nusernames = {}", 2, "protect.usernames"),
        ("[protect]\nemail_domains = ['@']", 2, "protect.email_domains"),
        ("[protect]\nemail_domains = ['.']", 2, "protect.email_domains"),
        ('[protect]\ngroups = ["\\u200b"]', 2, "protect.groups"),
        (f"[protect]\ngroups = ['{'x' * 1001}']", 2, "protect.groups"),
        ("[approval]\ntwo_people = 1", 2, "approval.two_people"),
        ("[approval]\nexpires_after_days = '60'", 2, "approval.expires_after_days"),
        ("[notice]\ndays = true", 2, "notice.days"),
        ("[notice]\ndays = 3.0", 2, "notice.days"),
        ("[notice]\ndays = -1", 2, "notice.days"),
        ("[notice]\nreminders_days_before = 7", 2, "notice.reminders_days_before"),
        ("[notice]\nreminders_days_before = [7.0]", 2, "notice.reminders_days_before"),
        ("[notice]\nreminders_days_before = [true]", 2, "notice.reminders_days_before"),
        ("[limits]\nper_hour = true", 2, "limits.per_hour"),
        # out of bounds
        ("[limits]\nper_hour = 0", 2, "limits.per_hour"),
        ("[limits]\nper_hour = 100001", 2, "limits.per_hour"),
        ("[limits]\nper_cleanup = 10001", 2, "limits.per_cleanup"),
        *(
            (f"[limits]\nshare_of_population = {share}", 2, "limits.share_of_population")
            for share in ("0", "-0.1", "0.51", "1", "nan", "inf", "-inf", "1e999", "true", "'0.2'", "[]")
        ),
        ("[notice]\ndays = 36501", 2, "notice.days"),
        ("[notice]\ndays = 5\nreminders_days_before = [5]", 3, "notice.reminders_days_before"),
        ("[notice]\ndays = 5\nreminders_days_before = [0]", 3, "notice.reminders_days_before"),
        ("[notice]\ndays = 60", 1, "approval.expires_after_days"),
        ("[approval]\nexpires_after_days = 30", 2, "approval.expires_after_days"),
        ("[approval]\nexpires_after_days = 0", 2, "approval.expires_after_days"),
        # segments
        ("[[segment]]\ndormant_after_days = 9", 1, "segment.name"),
        ("\n[[segment]]\nname = 'a'", 2, "segment.dormant_after_days"),
        ("[[segment]]\nname = 'a'\ndormant_after_days = 0", 3, "segment.dormant_after_days"),
        ("[[segment]]\nname = 'a'\nnever_used = 1\ndormant_after_days = 1\n" + LAST, 3, "segment.never_used"),
        ("[[segment]]\nname = 'a'\naccount_types = 'x'\ndormant_after_days = 1\n" + LAST, 3, "segment.account_types"),
        *(
            ("\n" + LAST + condition, 3, "segment.name")
            for condition in (
                *("never_used = false", "groups = ['a']", "permissions = ['a']", "usernames = ['*']", "emails = ['*']"),
                "email_domains = ['a']",
            )
        ),
        (LAST + "account_types = ['local']", 2, "segment.name"),
        ("[[segment]]\nname = ' all '\nnever_used = true\ndormant_after_days = 1\n" + LAST, 6, "segment.name"),
        # other ways to write it
        ("\nlimits.per_hour = 0", 2, "limits.per_hour"),
        ("\nlimits = { per_hour = 0 }", 2, "limits.per_hour"),
        ("\nsegment = [\n {name = 'a', dormant_after_days = 0},\n]", 2, "segment.dormant_after_days"),
        ("\n['limits']\n'per_hour' = 0", 3, "limits.per_hour"),
        ("[limits]\r\n\r\nper_hour = 0\r\n", 3, "limits.per_hour"),
        ("# per_hour = 0\n[limits] # per_hour = 0\nper_hour = 0", 3, "limits.per_hour"),
        ("# \u2028 \u0085\n[limits]\nper_hour = 0", 3, "limits.per_hour"),
        ("[protect]\nusernames = [\n 'groups = x',\n 'groups.*',\n]\ngroups = 5", 6, "protect.groups"),
        ("[protect]\nusernames = ['''\n[limits]\nper_hour = 1''']\n[limits]\nper_hour = 0", 2, "protect.usernames"),
        ("[limits]\nper_cleanup = 5\n[protect]\nusernames = [\n [\n ]]", 4, "protect.usernames"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_fault_names_its_key_and_its_line(text: str, line: int, key: str) -> None:
    first = faults(text)[0]
    assert (first.line, first.key) == (line, key)
    assert str(first) == f"line {line}: {key}: {first.message}"
    assert first.message


def test_one_wrong_value_is_one_fault() -> None:
    for text in ("approval.expires_after_days = 'x'", "notice.days = 'x'", "[[segment]]\ndormant_after_days = 3"):
        assert len(faults(text)) == 1, text
    assert [fault.line for fault in faults("[[segment]]\nnever_used = true\ndormant_after_days = 3\n" * 2 + LAST)] == [
        1,
        4,
    ]


NOTHING = ["", " \n\t\r\n", "# title = 'x'\n# nothing else", "\ufeff", "[protect]\n[limits]\n", "notice = {}"]


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
def test_a_text_that_says_nothing_is_refused(text: str) -> None:
    first = faults(text)[0]
    assert (first.line, first.key) == (1, "")
    assert "the text is empty" in first.message


BROKEN = {
    "protect.usernames": "[protect]\nusernames = ['ok', 'svc-[']",
    "segment.usernames": "[[segment]]\nusernames = ['[z-a]']\nname = 'a'\ndormant_after_days = 1\n" + LAST,
    "segment.emails": "[[segment]]\nemails = ['[]']\nname = 'a'\ndormant_after_days = 1\n" + LAST,
    "protect.email_domains": "[protect]\nemail_domains = ['*.ville.example']",
    "segment.email_domains": "[[segment]]\nemail_domains = ['v?.org']\nname = 'a'\ndormant_after_days = 1\n" + LAST,
}


@pytest.mark.parametrize(("key", "text"), BROKEN.items(), ids=BROKEN)
def test_a_pattern_that_cannot_mean_what_it_says_is_refused(key: str, text: str) -> None:
    (fault,) = faults(text)
    assert (fault.line, fault.key) == (2, key)
    assert "broken" in fault.message or "wildcard" in fault.message


@pytest.mark.parametrize("text", [*NOTHING, *BROKEN.values()], ids=ascii)
def test_what_came_into_force_before_it_was_refused_is_still_read(text: str) -> None:
    assert "edit_domain" in parse(text, in_force=True).protect.permissions


def test_a_list_has_as_many_names_as_it_likes_but_not_as_many_wildcards() -> None:
    parse(f"[protect]\nusernames = {['x*'] * 200 + [f'user{number}' for number in range(20_000)]}")
    (fault,) = faults(f"[protect]\nusernames = {[f'x{number}*' for number in range(201)]}")
    assert "at most 200 names with wildcards" in fault.message
    (fault,) = faults("[[segment]]\nname = 'a'\n" * 101)
    assert "at most 100 segments" in fault.message


# How long people may exempt an account


def test_an_exemption_may_last_five_years_where_a_policy_does_not_say() -> None:
    assert parse(LAST).exemption == parse(DEFAULT_TEXT).exemption == ExemptionRules(longest_days=1825)


@pytest.mark.parametrize("days", ["0", "3651", "true", '"400"', "400.0"])
def test_the_span_of_exemptions_is_checked_where_it_stands(days: str) -> None:
    (fault,) = faults(f"{LAST}\n[exemption]\nlongest_days = {days}\n")
    assert (fault.line, fault.key) == (6, "exemption.longest_days")
    assert "from 1 to 3650" in fault.message


def test_the_policy_that_every_workspace_starts_with_names_only_rights_that_exist() -> None:
    assert parse(DEFAULT_TEXT).protect.permissions <= KNOWN_PERMISSIONS
