"""E-mails are written by hand as Django and the email package write them, byte for byte."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

from cleanup_portal import mime

AT = "Sat, 28 Nov 2026 10:00:00 -0000"
NAMES = (
    "Jeanne",
    "",
    " ",
    "  two  blanks ",
    "Zoé",
    "=?utf-8?q?eve?=",
    "日本語の名前",
    "\u202eevil",
    "\u2067ليلى\u2069",
    "🎉" * 30,
    '"quoted", <b@evil.example>',
    "tab\tand\x0bmore\x1c",
    "a" * 74,
    "a" * 300,
    "word " * 40,
    "é" * 70,
    "comma, semicolon; colon: (comment) \\ %s {name}",
    "trailing \x7f\x00",
    "\u2028line\u2029",
)
BODIES = (
    "Hello {}\n\nBye\n",
    "no end {}",
    "\n\n{}\r\nmixed\rends\n\r",
    ".\n..\n.{}\n",
    "From {}\nFrom here\n",
    "long {} " + "x" * 1200 + "\n",
    "é {}" + "y" * 998 + "\n",
    "{}" + "z" * 985 + "\nend",
    "--boundary\n--{}--\n",
    " {} \t \n",
)


def email(**changes: Any) -> EmailMultiAlternatives:
    known: dict[str, Any] = {"subject": "Notice", "body": "Hello\n", "from_email": "portal@example.org"}
    known |= {"to": ["jeanne@ville.example"], "headers": {"Auto-Submitted": "auto-generated", "Message-ID": "<a.1@b>"}}
    html = changes.pop("html", "<p>Hello</p>")
    message = EmailMultiAlternatives(**(known | changes))
    message.attach_alternative(html, "text/html")
    return message


@pytest.fixture(autouse=True)
def _one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mime, "formatdate", lambda localtime: AT)
    monkeypatch.setattr("django.core.mail.message.formatdate", lambda localtime: AT)


def both(message: EmailMultiAlternatives) -> tuple[bytes | str, bytes | str]:
    """The e-mail by hand, where it is of the kind, and by the package; or what each refuses it with."""
    to, boundary = list(message.to), "0f" * 16

    def by(way: Any) -> bytes | str:
        try:
            return way(message, to=to, boundary=boundary) or mime.by_package(message, to=to, boundary=boundary)
        except Exception as refusal:
            return f"{type(refusal).__name__}: {refusal}"

    return by(mime._by_hand), by(mime.by_package)


def test_names_and_texts_are_written_alike() -> None:
    for name, body in product(NAMES, BODIES):
        by_hand, by_package = both(email(subject=name, body=body.format(name), html=body.format(f"<b>{name}</b>")))
        assert by_hand == by_package, (name, body)


@pytest.mark.parametrize("name", NAMES)
def test_headers_are_written_alike(name: str) -> None:
    more = {"Message-ID": f"<{name}@b>", "Content-Language": name}
    for header in ("from_email", "reply_to"):
        value = f'"{name}" <reply@example.org>'
        by_hand, by_package = both(email(**{header: [value] if header == "reply_to" else value}, headers=more))
        assert by_hand == by_package


@pytest.mark.parametrize("line", ["a\nBcc: eve@evil.example", "a\r\n\r\nbody", "a\r", "\n"])
@pytest.mark.parametrize("header", ["subject", "from_email", "reply_to", "Message-ID", "Content-Language"])
def test_no_header_begins_within_another(line: str, header: str) -> None:
    if header in ("Message-ID", "Content-Language"):
        changes: dict[str, Any] = {"headers": {"Message-ID": "<a@b>", header: line}}
    else:
        changes = {header: [line] if header == "reply_to" else line}
    by_hand, by_package = both(email(**changes))
    assert by_hand == by_package
    assert isinstance(by_hand, str)
    assert by_hand.startswith("BadHeaderError")


@pytest.mark.parametrize(
    "to", ["a+b@ville.example", "o'hara@ville.example", "-oQ@ville.example", f"{'l' * 64}@{'d' * 60}.example.org"]
)
def test_addresses_are_written_alike(to: str) -> None:
    by_hand, by_package = both(email(to=[to]))
    assert by_hand == by_package
    assert isinstance(by_hand, bytes)
    assert to.encode() in by_hand.replace(b"\r\n ", b"")


def test_most_emails_are_written_by_hand() -> None:
    """Otherwise nothing above says anything."""
    assert mime._by_hand(email(subject="Zoé"), to=["jeanne@ville.example"], boundary="0f") is not None


@pytest.mark.parametrize(
    "other",
    [
        {"cc": ["c@ville.example"]},
        {"body": ""},
        {"to": ["josé@ville.example"]},
        {"headers": {"Message-ID": "<a@b>", "Date": AT}},
        {"headers": {"Message-ID": "<a@b>", "From": "x@ville.example"}},
        {"headers": {}},
        {"attachments": [("a.txt", "text", "text/plain")]},
        {"body": "lone surrogate \ud800"},
    ],
)
def test_any_other_email_is_left_to_the_package(other: dict[str, Any]) -> None:
    message = email(**other)
    assert mime._by_hand(message, to=list(message.to), boundary="0f") is None
