"""What is known of a workspace is found by digests alone, however they fall."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts_review.huwise.records import DIGEST_BYTES
from accounts_review.models import Workspace
from accounts_review.workflow.sync.known import STRANGE, Known
from accounts_review.workflow.sync.remembered import NEAR, Remembered


def portions(digests: dict[int, bytes]) -> Iterator[bytes]:
    """As the database gives them: by the first byte, in any order within."""
    by_first: defaultdict[int, list[bytes]] = defaultdict(list)
    for key, digest in digests.items():
        by_first[digest[0]].append(digest + key.to_bytes(8, "big"))
    return (b"".join(by_first[first]) for first in sorted(by_first))


@pytest.mark.parametrize("count", [0, 1, 2, 17, 5000])
def test_each_digest_leads_to_its_account_and_another_to_nobody(count: int) -> None:
    digests = {key: os.urandom(16) for key in range(1, count + 1)}
    known = Known()
    known.load(portions(digests))
    assert {known.keys[known.place_of(digest)]: digest for digest in digests.values()} == digests
    assert {known.place_of(os.urandom(16)) for _ in range(100)} == {STRANGE}


def test_digests_that_begin_alike_are_told_apart() -> None:
    digests = {number: bytes(8) + bytes(7) + bytes([number]) for number in range(1, 200)}
    digests |= {200: b"\xff" * 16, 201: b"\xff" * 15 + b"\x00"}
    known = Known()
    known.load(portions(digests))
    assert {known.keys[known.place_of(digest)] for digest in digests.values()} == set(digests)
    assert [known.place_of(strange) for strange in (bytes(16), b"\xff" * 15 + b"\x01")] == [STRANGE, STRANGE]


def digest_number(number: int) -> bytes:
    return number.to_bytes(DIGEST_BYTES, "big")


@given(st.lists(st.tuples(st.integers(0, 59), st.sampled_from(["come", "leave", "change", "twice"])), max_size=12))
def test_whatever_happens_to_a_list_each_record_is_found_where_it_was(happenings: list[tuple[int, str]]) -> None:
    before = list(map(digest_number, range(1, 61)))
    now, strange = list(before), iter(map(digest_number, range(1000, 2000)))
    for at, what in happenings:
        place = min(at, len(now) - 1)
        following = {"come": now[place : place + 1], "leave": [], "change": [], "twice": now[place : place + 1] * 2}
        newcomers = [next(strange)] if what in ("come", "change") else []
        now[place : place + 1] = [*newcomers, *following[what]]
    remembered = Remembered(workspace=Workspace(), members=bytearray(b"".join(before)))
    for _ in range(2):
        places = [remembered.place_of(digest, near) for near, digest in enumerate(now)]
        assert places == [before.index(digest) if digest in before else STRANGE for digest in now]


def test_a_record_that_moved_far_is_strange_and_so_is_one_that_lies_across_two() -> None:
    members = bytearray(b"".join(map(digest_number, range(1, 300))))
    remembered = Remembered(workspace=Workspace(), members=members)
    assert remembered.place_of(digest_number(250), 249 - NEAR) == 249
    assert remembered.place_of(digest_number(50), 249) == STRANGE
    assert remembered.place_of(bytes(members[8:24]), 0) == STRANGE
