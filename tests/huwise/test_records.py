from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts_review.huwise import UnexpectedAnswer, decode_group, decode_user, digest_of, records
from accounts_review.rules.addresses import usable_in_url

from .kit import as_bytes

FIXTURE = json.loads((Path(__file__).parent.parent / "fixtures" / "archetypes.json").read_text())
DATES = ("joined_at", "last_seen_at", "last_login_at", "expires_at")
TEXTS = ("username", "email", "display_name", "first_name", "last_name", "account_type")
FIELDS = (*TEXTS, *DATES, "is_ods", "is_active", "permissions", "groups", "uid", "title", "user_count")

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(FIELDS), inner),
    max_leaves=10,
)
objects = st.dictionaries(st.sampled_from(FIELDS) | st.text(), anything)


@pytest.mark.parametrize("case", FIXTURE["archetypes"], ids=lambda case: case["id"])
def test_every_archetype_decodes_to_what_it_says(case: dict[str, Any]) -> None:
    given_user = case["user"]
    user = decode_user(as_bytes(given_user))
    for name in TEXTS:
        assert getattr(user, name) == (given_user.get(name) or "")
    for name in DATES:
        assert getattr(user, name) == given_user.get(name)
    assert user.is_active is given_user.get("is_active")
    assert user.is_ods is bool(given_user.get("is_ods"))
    if isinstance(given_user.get("permissions"), list):
        assert user.permissions == tuple(sorted(set(given_user["permissions"])))
    else:
        assert user.permissions is None
    if isinstance(given_user.get("groups"), list):
        assert user.groups == tuple(sorted({group["uid"] for group in given_user["groups"]}))
    else:
        assert user.groups is None


@pytest.mark.parametrize("given_type", [5, True, [], {}, 1.5])
def test_a_type_that_is_no_text_is_another_than_none_at_all(given_type: object) -> None:
    assert decode_user(as_bytes({"account_type": given_type})).account_type == "\ufffd"
    assert decode_user(as_bytes({"account_type": None})).account_type == ""


@pytest.mark.parametrize("group", FIXTURE["groups"], ids=lambda group: group["uid"])
def test_every_group_decodes_to_what_it_says(group: dict[str, Any]) -> None:
    decoded = decode_group(as_bytes(group))
    assert (decoded.uid, decoded.title, decoded.user_count) == (group["uid"], group["title"], group["user_count"])
    assert decoded.permissions == tuple(sorted(group["permissions"]))


@given(objects)
def test_no_json_object_makes_decoding_fail(content: dict[str, Any]) -> None:
    raw = json.dumps(content)
    for one in (raw, raw.encode()):
        user, group = decode_user(one), decode_group(one)
        json.dumps([getattr(user, name) for name in DATES], allow_nan=False)
        for text in (*(getattr(user, name) for name in TEXTS), group.uid, group.title):
            assert "\x00" not in text
            text.encode()


@given(objects)
def test_the_fast_and_the_slow_way_agree(content: dict[str, Any]) -> None:
    # msgspec refuses an endless number in a field that it reads, which forces the slow way.
    others = json.dumps({name: value for name, value in content.items() if name != "expires_at"})[1:-1]
    fast = decode_user(f"{{{others}}}")
    slow = decode_user(f'{{{others}{", " if others else ""}"expires_at": 1e999}}')
    assert slow.expires_at == "1e999"
    for name in ("username", "email", "permissions", "groups", "is_ods", "is_active"):
        assert getattr(slow, name) == getattr(fast, name)


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"null", b'"x"', b"3", b"<html>", b'{"username": "a"', b"{} {}", b"{oops}", b"[" * 5000 + b"]" * 5000],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    for one in (raw, raw.decode()):
        with pytest.raises(UnexpectedAnswer):
            decode_user(one)
        with pytest.raises(UnexpectedAnswer):
            decode_group(one)


def test_an_empty_object_is_all_unknown_and_not_vendor_staff() -> None:
    user = decode_user(b"{}")
    assert (user.username, user.email, user.is_active, user.permissions, user.groups) == ("", "", None, None, None)
    assert user.is_ods is False
    assert all(getattr(user, name) is None for name in DATES)


@pytest.mark.parametrize("odd", [True, "false", 0, 1, "", [], {}])
def test_anything_odd_in_is_ods_counts_as_vendor_staff(odd: object) -> None:
    assert decode_user(as_bytes({"is_ods": odd})).is_ods is True


@pytest.mark.parametrize("plain", [False, None])
def test_false_or_null_in_is_ods_does_not(plain: object) -> None:
    assert decode_user(as_bytes({"is_ods": plain})).is_ods is False


@pytest.mark.parametrize(
    "odd", [None, "edit_domain", {"edit_domain": True}, ["edit_domain", None], [["edit_domain"]], 0]
)
def test_unreadable_permissions_are_unknown_and_not_none_at_all(odd: object) -> None:
    assert decode_user(as_bytes({"permissions": odd})).permissions is None
    assert decode_group(as_bytes({"permissions": odd})).permissions is None


def test_permissions_are_sorted_and_unique() -> None:
    raw = as_bytes({"permissions": ["b", "a", "b"]})
    assert decode_user(raw).permissions == decode_group(raw).permissions == ("a", "b")
    assert decode_user(b'{"permissions": []}').permissions == ()


@pytest.mark.parametrize(
    "groups",
    [[{"uid": "b"}, {"uid": "a"}], [{"uid": "a", "title": "A"}, {"uid": "b", "title": "B"}], ["b", "a", "a"]],
)
def test_groups_are_read_in_every_shape(groups: object) -> None:
    assert decode_user(as_bytes({"groups": groups})).groups == ("a", "b")


@pytest.mark.parametrize(
    "groups", [None, {}, "a", [{"uid": "a"}, {}], [{"uid": None}], [{"uid": 3}], [""], [None], [[]]]
)
def test_groups_with_one_that_has_no_usable_uid_are_unknown(groups: object) -> None:
    assert decode_user(as_bytes({"groups": groups})).groups is None


def test_expanded_groups_bring_their_permissions() -> None:
    groups = [
        {"uid": "a", "permissions": ["edit_domain"]},
        {"uid": "b", "permissions": None},
        {"uid": "c"},
        {"permissions": ["lost"]},
    ]
    assert decode_user(as_bytes({"groups": groups})).expanded == {"a": ("edit_domain",), "b": None}


def test_a_group_given_twice_has_the_rights_of_both() -> None:
    groups = [{"uid": "a", "permissions": ["x"]}, {"uid": "a", "permissions": ["y"]}]
    assert decode_user(as_bytes({"groups": groups})).expanded == {"a": ("x", "y")}


@pytest.mark.parametrize("date", ["2024-01-01T00:00:00Z", "", "never", 0, 1.5, False, [], {"a": 1}, None])
def test_dates_are_given_as_they_are(date: object) -> None:
    user = decode_user(as_bytes(dict.fromkeys(DATES, date)))
    assert [getattr(user, name) for name in DATES] == [date] * 4


@pytest.mark.parametrize("literal", ["NaN", "-Infinity", "1e999", "9" * 5000])
def test_numbers_beyond_json_are_kept_as_text_so_that_no_date_is_lost(literal: str) -> None:
    assert decode_user(f'{{"last_seen_at": {literal}, "username": "a"}}').last_seen_at == literal


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "x\udfff"])
def test_a_username_that_cannot_be_stored_becomes_one_that_is_never_addressed(name: str) -> None:
    username = decode_user(as_bytes({"username": name})).username
    assert "\ufffd" in username
    assert not usable_in_url(username)


def test_bytes_that_are_not_utf8_do_not_stop_a_record() -> None:
    user = decode_user(b'{"username": "a\xff", "email": "a@example.org"}')
    assert (user.username, user.email) == ("a\ufffd", "a@example.org")


def test_a_record_nested_without_end_keeps_what_can_be_read() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    user = decode_user(b'{"username": "a", "extra": ' + deep + b', "groups": ' + deep + b', "is_ods": ' + deep + b"}")
    assert (user.username, user.groups, user.is_ods) == ("a", None, True)


def test_emails_are_stripped_and_usernames_are_not() -> None:
    user = decode_user(as_bytes({"email": " a@example.org\n", "username": " a "}))
    assert (user.email, user.username) == ("a@example.org", " a ")


@pytest.mark.parametrize("count", [-1, 2**31, "3", True, 1.5, None])
def test_a_user_count_that_is_no_count_is_unknown(count: object) -> None:
    assert decode_group(as_bytes({"user_count": count})).user_count is None


def test_equal_bytes_have_equal_digests() -> None:
    assert digest_of(b"{}") == digest_of(b"{}") != digest_of(b"{ }")
    assert len(digest_of(b"{}")) == 16


@pytest.mark.parametrize(
    ("given", "maker"),
    [({"username": "claire"}, "claire"), ({}, ""), ({"username": 7}, ""), ("claire", ""), (None, ""), ([1], "")],
)
def test_who_made_a_group_is_a_username_or_unknown(given: object, maker: str) -> None:
    assert decode_group(json.dumps({"uid": "a", "created_by": given})).created_by == maker


@given(objects | st.fixed_dictionaries({}, optional={name: st.text(st.characters()) | st.none() for name in TEXTS}))
def test_what_is_read_at_once_is_what_a_second_look_finds(record: dict[str, Any]) -> None:
    plain = record | {"permissions": ["a", "b", "a"], "groups": [{"uid": "x"}, {"uid": "u"}]}
    for raw in (as_bytes(record), as_bytes(plain), as_bytes(plain).decode()):
        assert records._plain(raw) in (None, records._odd(raw))
    assert records._plain(as_bytes({"permissions": [], "groups": [], "username": "zoé"})) is not None
