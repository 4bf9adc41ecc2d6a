"""JSON as it comes off the wire: cut into raw pieces, so that a record is kept byte for byte and decoded once.

msgspec cuts without decoding, and refuses what Python's own reader (and so, perhaps, the vendor's) accepts: lone
surrogates, ``NaN``, numbers without end. One such record must not stop a sync, so there is a slow way too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from .errors import UnexpectedAnswer

LARGEST_COUNT = 10_000_000
"""Ten times what the portal is made for: who announces more would keep a sync busy for days."""
REFUSED_BY_MSGSPEC = (msgspec.DecodeError, UnicodeError, RecursionError)

_MARK = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{},]', re.DOTALL)
_KEY = re.compile(rb'\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:', re.DOTALL)


class _RawEnvelope(msgspec.Struct):
    total_count: msgspec.Raw
    results: list[msgspec.Raw]
    next: msgspec.Raw = msgspec.Raw(b"null")


_RawList = msgspec.json.Decoder(_RawEnvelope)
_RawObject = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RawArray = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A list answer: ``total_count`` as stated, views on each result's own bytes, and the link it calls ``next``."""

    total_count: int
    results: list[bytes]
    next: str | None


def read_envelope(body: bytes) -> Envelope:
    """Cut a list answer into its records.

    :raises UnexpectedAnswer: not JSON, broken JSON, or without a count and a list of results.
    """
    try:
        # At once, and without a copy: this is what a sync of a million accounts spends its time on.
        cut = _RawList.decode(body)
        return Envelope(
            total_count=_count(bytes(cut.total_count)), results=list(cut.results), next=_link(bytes(cut.next))
        )
    except REFUSED_BY_MSGSPEC:
        pass
    members = read_object(body)
    if not members.get("results", b"").startswith(b"["):
        raise UnexpectedAnswer(message="its results are not a list")
    return Envelope(
        total_count=_count(members.get("total_count", b"null")),
        results=_items(members["results"]),
        next=_link(members.get("next", b"null")),
    )


def read_object(raw: bytes) -> dict[str, bytes]:
    """The members of a JSON object, each value as its raw bytes.

    :raises UnexpectedAnswer: the bytes are not a JSON object; ``truncated`` where they begin like one.
    """
    try:
        return {name: bytes(value) for name, value in _RawObject.decode(raw).items()}
    except REFUSED_BY_MSGSPEC:
        pass
    return _read_slowly(raw)


def says_twice(raw: bytes) -> bool:
    """Whether a JSON object has two members of one name, of which each reader may believe another."""
    return len(read_object(raw)) != sum(1 for _ in _parts(raw))


def loads(raw: bytes | str) -> object:
    """Decode any JSON that Python's own reader accepts into values that JSON and the database can hold.

    What has no such value (``NaN``, an endless number) is given as its text, what is nested too deep as ``{}``: a
    type that no field of a record expects.

    :raises ValueError: not JSON.
    """
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    try:
        return json.loads(text, strict=False, parse_constant=str, parse_int=_integer, parse_float=_float)
    except RecursionError:
        return {}


def _read_slowly(raw: bytes) -> dict[str, bytes]:
    start = raw.lstrip()[:1]
    if not _is_whole(raw):
        raise UnexpectedAnswer(message="it is not JSON, or not all of it", truncated=start in (b"{", b"["))
    if start != b"{":
        raise UnexpectedAnswer(message="it is not a JSON object")
    return dict(_named(part) for part in _parts(raw))


def _link(raw: bytes) -> str | None:
    following = loads(raw)
    return following if isinstance(following, str) else None


def _count(raw: bytes) -> int:
    value = loads(raw)
    if isinstance(value, str) and value.isascii() and value.strip().isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT:
        return value
    raise UnexpectedAnswer(message="its total_count is not a number to believe")


def _items(raw: bytes) -> list[bytes]:
    try:
        return [bytes(item) for item in _RawArray.decode(raw)]
    except REFUSED_BY_MSGSPEC:
        return list(_parts(raw))


def _named(member: bytes) -> tuple[str, bytes]:
    key = _KEY.match(member)
    return (str(loads(key.group(1))), member[key.end() :].strip()) if key else ("", b"null")


def _parts(raw: bytes) -> Iterator[bytes]:
    """Split a valid array or object at its own commas, however deep its members go."""
    whole = raw.strip()
    start, depth = 1, 0
    for mark in _MARK.finditer(whole, 1, len(whole) - 1):
        depth += _step(mark.group())
        if depth == 0 and mark.group() == b",":
            yield whole[start : mark.start()].strip()
            start = mark.end()
    if last := whole[start:-1].strip():
        yield last


def _is_whole(raw: bytes) -> bool:
    try:
        loads(raw)
    except ValueError:
        return False
    # Where the decoder gave up on the depth it has not seen the end.
    depth = 0
    for mark in _MARK.finditer(raw):
        if mark.group() == b'"':
            return False
        depth += _step(mark.group())
    return depth == 0


def _step(mark: bytes) -> int:
    return 1 if mark in (b"[", b"{") else -1 if mark in (b"]", b"}") else 0


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 100 else digits


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits
