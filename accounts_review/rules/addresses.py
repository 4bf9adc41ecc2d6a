"""Names that can be used as addresses: a username in a URL of the API, a mail address in a letter.

Pure: no Django, no clock, no input or output.
"""

from __future__ import annotations

import re
from unicodedata import category, normalize

ROUTE_WORDS = frozenset({"export", "invite", "provision"})
LONGEST_ADDRESS = 254
EMAIL = re.compile(r"""[^\s@,;:<>()\[\]\\"]+@[^\s@,;:<>()\[\]\\".]+(\.[^\s@,;:<>()\[\]\\".]+)*""")


def usable_in_url(username: str) -> bool:
    """Whether a username can address its account, and nothing else, as one segment of a URL path.

    Looked at as a server may read it: some fold look-alikes, so that a wide dot is a dot (NFKC).
    """
    bare = normalize("NFKC", username).strip()
    if bare in {"", ".", ".."} or "/" in bare or bare.casefold() in ROUTE_WORDS:
        return False
    return not _has(username, "Cc", "Cs")


def usable_for_mail(address: str) -> bool:
    """Whether an address can be written to, and names one mailbox.

    Nothing that mail headers give a meaning, nothing that no keyboard writes, and no mark for what could not be stored.
    """
    return len(address) <= LONGEST_ADDRESS and EMAIL.fullmatch(address) is not None and not _has(address, "C")


def _has(text: str, *kinds: str) -> bool:
    """Whether a text has a character of these Unicode categories, or the mark for one that could not be stored."""
    if text.isascii() and text.isprintable():
        return False
    return any(character == "\ufffd" or category(character).startswith(kinds) for character in text)
