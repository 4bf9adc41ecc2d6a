"""Names that can be used as addresses: a username in a URL of the API, an e-mail address in an e-mail.

Pure: no Django, no clock, no input or output.
"""

from __future__ import annotations

import re
from contextlib import suppress
from unicodedata import category, normalize

import idna

ROUTE_WORDS = frozenset({"export", "invite", "provision"})
LONGEST_ADDRESS = 254
EMAIL = re.compile(r"""[^\s@,;:<>()\[\]\\"]+@[^\s@,;:<>()\[\]\\".]+(\.[^\s@,;:<>()\[\]\\".]+)*""")
PLAIN_EMAIL = r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
"""Nearly all addresses are like this, which a database can tell; if not too long, each of them can be written to."""
ENCODED_WORD = "=?"
"""Some programs decode it within an address, and write to somebody else."""


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
    if EMAIL.fullmatch(address) is None or ENCODED_WORD in address or _has(address, "C"):
        return False
    if address.isascii():
        return len(address) <= LONGEST_ADDRESS
    try:
        return len(envelope(address)) <= LONGEST_ADDRESS
    except ValueError:
        return False


def envelope(address: str) -> str:
    """The address as a mail server is given it: the domain in ASCII, by IDNA 2008, the rest untouched.

    Raises ``ValueError`` for a domain that cannot be written so.
    """
    local, _at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"


def needs_utf8(address: str) -> bool:
    """Whether only a server with SMTPUTF8 (RFC 6531) can take it: the part before the @ cannot be written in ASCII."""
    return not address.rpartition("@")[0].isascii()


def same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses name the same mailbox, however they are written; nothing is nobody's mailbox."""
    return bool(one) and _folded(one) == _folded(other)


def same_but_for_case(one: str, other: str) -> bool:
    """Whether an address or login from outside is one that is known: letter by letter, however its letters are cased.

    Strict where databases are not: a dotless i, a long s or a Kelvin sign is another letter, and another mailbox.
    """
    return bool(one) and one.lower() == other.lower() and one.upper() == other.upper()


def _folded(address: str) -> str:
    with suppress(ValueError):
        address = envelope(address)
    return normalize("NFC", address).casefold()


def _has(text: str, *kinds: str) -> bool:
    """Whether a text has a character of these Unicode categories, or the mark for one that could not be stored."""
    if text.isascii() and text.isprintable():
        return False
    return any(character == "\ufffd" or category(character).startswith(kinds) for character in text)
