"""The one way to write what is digested: JSON without spaces, keys sorted, non-ASCII kept, in UTF-8."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

_fast = msgspec.json.Encoder(order="sorted").encode
_exact = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_EXPONENT = re.compile(rb"[:,\[]-?[\d.]+e|^-?[\d.]+e")


def canonical(content: object) -> bytes:
    """A document as it is digested, the same as ``json.dumps`` writes it.

    Another encoder does it in a tenth of the time. It writes numbers with an exponent otherwise, and takes nothing but
    plain types.
    """
    try:
        text = _fast(content)
    except TypeError:
        return _exact(content).encode()
    return _exact(content).encode() if _EXPONENT.search(text) else text


def forms(content: object) -> Iterator[bytes]:
    """The ways in which a document of plain types may be written: the likely one first, then the exact one."""
    yield _fast(content)
    yield _exact(content).encode()


def joined(*parts: object) -> bytes:
    """A list as it is digested, of names, whole numbers, null, and documents that are written already (``Raw``)."""
    return _fast(parts)
