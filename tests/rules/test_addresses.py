"""Names that can be used as addresses: never of another account, never of two mailboxes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts_review.rules.addresses import (
    LONGEST_ADDRESS,
    PLAIN_EMAIL,
    same_but_for_case,
    usable_for_mail,
    usable_in_url,
)
from tests.strategies import thoroughly


@pytest.mark.parametrize(
    "address",
    ["ana@ville.example", "o'hara+x@b-c.example", "josé@exämple.org", "a_b=c/d@e.org", "A@B.ORG", "a@b", "#{x}@y.z"],
)
def test_an_address_that_can_be_written_to(address: str) -> None:
    assert usable_for_mail(address)


@pytest.mark.parametrize(
    "address",
    [
        *("", "ana", "@", "ana@", "@b.org", "a b@c.org", "a@b@c.org", "ana@b.org.", "ana@.b.org", "ana@b..org"),
        *("a@b.org,c@d.org", "a@b.org;c@d.org", "<ana@b.org>", "Ana <ana@b.org>", '"ana"@b.org', "ana(eve)@b.org"),
        *(
            "ana@[10.0.0.1]",
            "staff:ana@b.org;",
            "a\\@b.org",
            "a@b.org\nBcc: eve@evil.org",
            "a\x00@b.org",
            "a\x7f@b.org",
        ),
        *("a\ufffd@b.org", "\u202ea@b.org", "a\u200b@b.org", "a\ue000@b.org", f"{'a' * 249}@b.org"),
    ],
    ids=ascii,
)
def test_an_address_that_cannot(address: str) -> None:
    assert not usable_for_mail(address)
    assert len(address) > LONGEST_ADDRESS or not re.fullmatch(PLAIN_EMAIL, address)


@given(
    st.text("aZ9._%+-", min_size=1, max_size=60),
    st.lists(st.text("aZ9-", min_size=1, max_size=60), min_size=2, max_size=5),
)
def test_a_plain_address_needs_no_closer_look(name: str, domain: list[str]) -> None:
    address = f"{name}@{'.'.join(domain)}"
    assert re.fullmatch(PLAIN_EMAIL, address)
    assert usable_for_mail(address) == (len(address) <= LONGEST_ADDRESS)


@thoroughly
@given(st.text(max_size=12) | st.from_regex(r"[a-z.]{0,4}@[a-z.]{0,4}", fullmatch=True))
def test_what_can_be_written_to_is_one_printable_word_with_one_at(address: str) -> None:
    if usable_for_mail(address):
        assert address.count("@") == 1
        assert address.isprintable()
        assert len(address.split()) == 1
        assert not set(address) & set(',;:<>()[]"\\')


@pytest.mark.parametrize("username", ["ana", "a.b", "...", "é à", "exports", "a%2Fb", "?#", "VILLE\\ana", "a@b.org"])
def test_a_username_that_percent_encoding_makes_safe(username: str) -> None:
    assert usable_in_url(username)


@pytest.mark.parametrize(
    "username",
    [
        *("", " ", ".", "..", " ..", "a/b", "/", "export", "Export", "invite ", "PROVISION", "a\x00b", "a\n", "\ufffd"),
        *("．．", "․", "‥", "a／b", "ｅxport", "a\ud800"),
    ],
    ids=ascii,
)
def test_a_username_that_could_address_something_else(username: str) -> None:
    assert not usable_in_url(username)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Ana@Ville.example", "ana@ville.EXAMPLE", True),
        ("JOSÉ@ville.example", "josé@ville.example", True),
        ("boss@issy.example", "boss@ıssy.example", False),
        ("boss@issy.example", "boſs@issy.example", False),
        ("boss@kiln.example", "boss@\u212ailn.example", False),
        ("boss@strasse.example", "boss@straße.example", False),
        ("σ@ville.example", "ς@ville.example", False),
        ("", "", False),
    ],
)
def test_an_address_from_outside_is_the_known_one_letter_by_letter(one: str, other: str, *, is_same: bool) -> None:
    assert same_but_for_case(one, other) is is_same
    assert same_but_for_case(other, one) is is_same
