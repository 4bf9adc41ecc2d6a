"""What the demo has mailed, read from the folder that its mails are written into."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings

BETWEEN = b"\n" + b"-" * 79 + b"\n"
"""What Django's backend for files writes after each e-mail."""
MOST = 200
_HERE = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d+/")


@dataclass(frozen=True, slots=True)
class Mailed:
    """One e-mail; ``key`` names it for as long as the folder is kept."""

    key: str
    to: str
    subject: str
    sender: str
    language: str
    text: str
    html: str


def mailed(folder: Path, *, portal: str) -> list[Mailed]:
    """The newest first. Links lead to the portal as it runs now, whatever its port was when they were written."""
    newest = list(_all(folder))[: -MOST - 1 : -1]
    return [_read(key, message_from_bytes(raw, policy=policy.default), portal) for key, raw in newest]


def _all(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.glob("*.log"), key=lambda file: (file.stat().st_mtime_ns, file.name)):
        for number, raw in enumerate(file.read_bytes().split(BETWEEN)):
            if raw.strip():
                yield f"{file.stem}-{number}", raw


def _read(key: str, message: EmailMessage, portal: str) -> Mailed:
    def part(kind: str) -> str:
        body = message.get_body((kind,))
        return _HERE.sub(f"{portal}/", str(body.get_content())) if body else ""

    said = {name: str(message.get(name, "")) for name in ("To", "Subject", "From", "Content-Language")}
    return Mailed(
        key,
        said["To"],
        said["Subject"],
        said["From"],
        # Whatever a header holds, an attribute of the page must be a language.
        said["Content-Language"] if said["Content-Language"] in dict(settings.LANGUAGES) else "",
        part("plain"),
        part("html"),
    )
