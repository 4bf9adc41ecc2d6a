"""The bytes of an e-mail: those that Django and the ``email`` package make of it, and much sooner.

An e-mail to one person, as text and as HTML, is put together here; of its headers, only those that need encoding or
folding are given to the package, and remembered. By hand it takes 0.05 ms, by the package 0.28. Whatever is not of that
kind, or cannot be written down, is left to the package.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from email.errors import MessageError
from email.generator import BytesGenerator
from email.policy import SMTPUTF8, Compat32
from email.utils import formatdate
from functools import lru_cache
from io import BytesIO
from typing import Any, TypeGuard

from django.conf import settings
from django.core.mail.message import (
    RFC5322_EMAIL_LINE_LENGTH_LIMIT,
    EmailMessage,
    EmailMultiAlternatives,
    SafeMIMEMultipart,
)


class PlainLines(Compat32):
    """As Django writes e-mails, but a header that fits in one plain line goes out without a look at where to fold it.

    That look takes longer than all the rest, and leaves such a line as it is.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The header's bytes."""
        if isinstance(value, str) and (line := _plain_line(name, value)):
            return line
        return super().fold_binary(name, value)


_PLAIN = re.compile(r"[!-~]+( [!-~]+)*")
_LONGEST_LINE = 75
_OTHERWISE_GIVEN = {"from", "to", "cc", "reply-to", "date"}
_LINE_END = re.compile(rb"\r\n|\r|\n")
PLAIN = PlainLines(linesep="\r\n")


def written(message: EmailMessage, *, to: list[str], in_utf8: bool) -> bytes:
    """The e-mail for the mail server, addressed to exactly ``to``; addresses in UTF-8 where the server takes that.

    Raises ``ValueError`` for what cannot be written down.
    """
    boundary = secrets.token_hex(16)
    by_hand = None if in_utf8 else _by_hand(message, to=to, boundary=boundary)
    return by_hand or by_package(message, to=to, boundary=boundary, in_utf8=in_utf8)


def by_package(message: EmailMessage, *, to: list[str], boundary: str, in_utf8: bool = False) -> bytes:
    """The same by way of the ``email`` package, for every kind of e-mail."""
    made = message.message()
    if message.to:
        made.replace_header("To", ", ".join(to))
    if made.is_multipart() and not made.get_boundary():
        # As unlikely to stand in the text as to be guessed. What Python makes up otherwise it looks for in every
        # part, by an expression that is compiled anew for each e-mail.
        made.set_boundary(boundary)
    text = BytesIO()
    BytesGenerator(text, mangle_from_=False, policy=SMTPUTF8 if in_utf8 else PLAIN).flatten(made)
    return text.getvalue()


def _by_hand(message: EmailMessage, *, to: list[str], boundary: str) -> bytes | None:
    if not _is_of_the_kind(message) or message.to != to or not to[0].isascii():
        return None
    plain, html = _part("plain", message.body), _part("html", message.alternatives[0][0])
    if plain is None or html is None:
        return None
    ends = f"--{boundary}\r\n".encode(), f"\r\n--{boundary}--\r\n".encode()
    try:
        head = b"".join(_line(name, value) for name, value in _headers(message))
    except (ValueError, MessageError):
        return None
    kind = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'.encode()
    return b"".join((kind, head, b"\r\n", ends[0], plain, b"\r\n", ends[0], html, ends[1]))


def _is_of_the_kind(message: EmailMessage) -> TypeGuard[EmailMultiAlternatives]:
    return (
        type(message) is EmailMultiAlternatives
        and [kind for _content, kind in message.alternatives] == ["text/html"]
        and len(message.to) == 1
        and bool(message.body)
        and not (message.cc or message.attachments)
        and {name.lower() for name in message.extra_headers}.isdisjoint(_OTHERWISE_GIVEN)
        and "Message-ID" in message.extra_headers
        and (message.encoding, message.content_subtype, settings.DEFAULT_CHARSET) == (None, "plain", "utf-8")
    )


def _headers(message: EmailMessage) -> Iterator[tuple[str, str]]:
    """The headers that Django gives the e-mail after its kind, in its order."""
    yield "MIME-Version", "1.0"
    yield "Subject", str(message.subject)
    yield "From", message.from_email
    yield "To", message.to[0]
    if message.reply_to:
        yield "Reply-To", ", ".join(map(str, message.reply_to))
    yield "Date", formatdate(localtime=settings.EMAIL_USE_LOCALTIME)
    yield from message.extra_headers.items()


def _line(name: str, value: object) -> bytes:
    """A header as it is sent. Django rewrites subjects, and whatever is not ASCII."""
    plain = _plain_line(name, str(value)) if name != "Subject" else b""
    return plain or _folded(name, str(value))


def _plain_line(name: str, value: str) -> bytes:
    """A header that fits in one plain line; empty for any other."""
    if len(name) + len(value) < _LONGEST_LINE and _PLAIN.fullmatch(value):
        return f"{name}: {value}\r\n".encode("ascii")
    return b""


@lru_cache(maxsize=256)
def _folded(name: str, value: str) -> bytes:
    headers = SafeMIMEMultipart("alternative", encoding=settings.DEFAULT_CHARSET)
    headers[name] = value
    ((_name, safe),) = list(headers.raw_items())[-1:]
    return PLAIN.fold_binary(name, safe)


def _part(kind: str, text: object) -> bytes | None:
    """Text or HTML with its headers; ``None`` where it must be encoded."""
    if not isinstance(text, str):
        return None
    try:
        content = text.encode()
    except UnicodeEncodeError:
        return None
    if max(map(len, content.splitlines()), default=0) > RFC5322_EMAIL_LINE_LENGTH_LIMIT:
        return None
    width = "7bit" if text.isascii() else "8bit"
    head = (
        f'Content-Type: text/{kind}; charset="utf-8"\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: {width}\r\n\r\n'
    )
    # Lines that all end alike take a third of the time.
    in_lines = _LINE_END.sub(b"\r\n", content) if b"\r" in content else content.replace(b"\n", b"\r\n")
    return head.encode() + in_lines
