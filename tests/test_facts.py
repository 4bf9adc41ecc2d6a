"""From a record to the facts of floor 0."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts_review.facts import facts_of, incarnation_of
from accounts_review.huwise import UserRecord, decode_user
from accounts_review.rules.facts import Facts
from tests.builders import NOW
from tests.huwise.kit import as_bytes

RECORD = {
    "username": "ana",
    "email": " ana@example.org ",
    "account_type": "local",
    "is_ods": False,
    "joined_at": "2023-03-03T08:00:00+00:00",
    "last_seen_at": "soon",
    "last_login_at": None,
    "permissions": ["edit_page"],
    "groups": [{"uid": "team"}, {"uid": "readers"}],
}


def user(**changes: Any) -> UserRecord:
    return decode_user(as_bytes(RECORD | changes))


def facts(rights: dict[str, tuple[str, ...] | None] | None = None, *, key_owner: str = "svc", **changes: Any) -> Facts:
    return facts_of(user(**changes), rights_by_group=rights or {}, key_owner=key_owner, read_at=NOW)


def test_the_facts_are_what_the_record_says_dates_untouched() -> None:
    assert facts({"team": ("edit_theme",)}) == Facts(
        username="ana",
        email="ana@example.org",
        account_type="local",
        is_vendor=False,
        is_key_owner=False,
        joined_at="2023-03-03T08:00:00+00:00",
        last_seen_at="soon",
        last_login_at=None,
        read_at=NOW,
        permissions=("edit_page",),
        groups=("readers", "team"),
        rights_by_group={"team": ("edit_theme",)},
        incomplete=False,
    )


def test_what_an_incomplete_sync_read_says_so() -> None:
    assert facts_of(user(), rights_by_group={}, key_owner="", read_at=NOW, incomplete=True).incomplete


@pytest.mark.parametrize("value", [True, "false", 0, 1, "", [], {}])
def test_whoever_is_not_plainly_no_vendor_staff_counts_as_such(value: object) -> None:
    assert facts(is_ods=value).is_vendor


@pytest.mark.parametrize("value", [False, None])
def test_vendor_staff_is_not_who_plainly_is_not(value: object) -> None:
    assert not facts(is_ods=value).is_vendor


@pytest.mark.parametrize(
    ("username", "key_owner", "owns"),
    [("ana", "ana", True), ("ana", " Ana", True), ("ANA", "ana", True), ("ana", "anna", False), ("", "", False)],
)
def test_the_owner_of_our_key_is_known_whatever_the_capitals(username: str, key_owner: str, owns: bool) -> None:
    assert facts(username=username, key_owner=key_owner).is_key_owner is owns


@pytest.mark.parametrize(
    ("listed", "expanded", "known"),
    [
        (("edit_theme",), ["edit_domain"], ("edit_domain", "edit_theme")),
        ((), ["edit_domain"], ("edit_domain",)),
        (("edit_theme",), [], ("edit_theme",)),
        (None, ["edit_domain"], None),
        (("edit_theme",), None, None),
    ],
)
def test_a_group_gives_what_the_list_and_the_expanded_record_say_together(
    listed: tuple[str, ...] | None, expanded: list[str] | None, known: tuple[str, ...] | None
) -> None:
    groups = [{"uid": "team", "permissions": expanded}, {"uid": "readers"}]
    given = {"team": listed, "others": ("edit_form",)}
    found = facts(given, groups=groups)
    assert found.rights_by_group == {"team": known, "others": ("edit_form",)}
    assert given["team"] == listed, "what all accounts share must stay as it is"


def test_the_rights_of_a_group_that_only_the_record_describes_count_and_are_in_doubt() -> None:
    found = facts(groups=[{"uid": "team", "permissions": ["edit_domain"]}])
    assert found.rights == {"edit_domain": "team", "edit_page": ""}
    assert found.unlisted == ("team",)


@pytest.mark.parametrize(
    "same",
    ["2023-03-03T08:00:00+00:00", "2023-03-03T08:00:00Z", "2023-03-03 09:00:00+01:00", "2023-03-03T08:00:00.000000Z"],
)
def test_one_date_of_joining_is_one_incarnation_however_it_is_written(same: str) -> None:
    assert incarnation_of(user(joined_at=same)) == "2023-03-03T08:00:00+00:00"


@pytest.mark.parametrize(
    "other", ["2023-03-03T08:00:00.000001Z", "2023-03-03T08:00:00", "2023-03-03", "soon", "0001-01-01T00:00+14:00", 5]
)
def test_another_date_of_joining_is_another_incarnation_even_where_it_cannot_be_read(other: object) -> None:
    assert incarnation_of(user(joined_at=other)) not in ("", incarnation_of(user()))
    assert incarnation_of(user(joined_at=other)) == incarnation_of(user(joined_at=other))


@pytest.mark.parametrize("nothing", [None, "", [], {}, [[1]], False, 0])
def test_what_says_nothing_of_joining_is_no_incarnation(nothing: object) -> None:
    assert incarnation_of(user(joined_at=nothing)) == ""


@pytest.mark.parametrize(
    "given",
    [
        "2023-03-03T08:00:00+00:00",
        "2023-03-03T08:00:00.000000+00:00",
        "2023-03-03T08:00:00.123456+00:00",
        "2023-03-03T08:00:00.123+00:00",
        "2023-13-03T08:00:00+00:00",
        "0000-03-03T08:00:00+00:00",
        "2023-03-03T08:00:00+00:00\n",
        "２０２３-03-03T08:00:00+00:00",
    ],
)
def test_a_date_that_is_written_in_utc_is_as_good_as_read(given: str) -> None:
    try:
        read = datetime.fromisoformat(given).astimezone(UTC).isoformat()
    except ValueError:
        read = given
    assert incarnation_of(user(joined_at=given)) == read
