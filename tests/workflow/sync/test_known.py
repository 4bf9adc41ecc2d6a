"""What is known of a workspace is found by digests alone, however they fall."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator

import pytest

from accounts_review.workflow.sync.known import STRANGE, Known


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
