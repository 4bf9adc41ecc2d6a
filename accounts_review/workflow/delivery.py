"""Delivery: hand letters to the mail server one by one, and tell what concerns one address from what concerns all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPServerDisconnected

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection as database
from django.utils.translation import gettext as _

from accounts_review.models import Workspace
from accounts_review.record import Conflict

BROKEN_IN_A_ROW = 3
"""So many connections that break one after the other are the server's fault, not an address's."""

CLOSING = 421


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server would not take a letter to this address: for good, or only for now."""

    why: str
    is_final: bool


def deliver(letter: EmailMessage, *, through: BaseEmailBackend) -> Refusal | None:
    """Send one letter; returns ``None`` where the server accepted it. Raises what concerns more than this address."""
    letter.connection = through
    try:
        letter.send()
    except SMTPRecipientsRefused as refusal:
        answers = ", ".join(f"{code} {_text(text)}" for code, text in refusal.recipients.values())
        is_final = any(code >= 500 for code, text in refusal.recipients.values())
        return Refusal(answers, is_final)
    except SMTPDataError as refusal:
        if refusal.smtp_code == CLOSING:
            raise
        return Refusal(f"{refusal.smtp_code} {_text(refusal.smtp_error)}", refusal.smtp_code >= 500)
    except ValueError as malformed:
        return Refusal(str(malformed), is_final=True)
    return None


def one_by_one(
    keys: Iterable[int], act: Callable[[int, BaseEmailBackend], str], *, limit: int | None = None
) -> tuple[Counter[str], str]:
    """Do something for each key that may send a letter, until ``limit`` of them answered ``"sent"``.

    Returns how often each answer was given, and the last failure of the server, or "". A connection that breaks is
    opened anew for the next key, so that one address never stops the others; a server that cannot be reached, refuses
    the sender, or breaks three connections in a row ends the run, and the next one goes on from there.
    """
    tally, error, broken, left = Counter[str](), "", 0, list(keys)
    if not left:
        return tally, error
    try:
        with get_connection() as through:
            for key in left:
                if limit is not None and tally["sent"] >= limit:
                    break
                try:
                    tally[act(key, through)] += 1
                    broken = 0
                except Conflict:
                    continue
                except (SMTPServerDisconnected, ConnectionResetError, BrokenPipeError) as failure:
                    broken, error = broken + 1, _said(failure)
                    if broken == BROKEN_IN_A_ROW:
                        break
                    through.close()
                    through.open()
    except (SMTPException, OSError) as failure:
        error = _said(failure)
    return tally, error


@contextmanager
def alone(workspace: Workspace) -> Iterator[bool]:
    """Whether nobody else sends for the workspace now; held until the end, and freed when this process dies.

    Without it, two processes would each send the letter that only one of them can record.
    """
    key = [0x6D61696C, workspace.pk]
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        is_alone = bool(cursor.fetchone()[0])
    try:
        yield is_alone
    finally:
        if is_alone:
            with database.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _said(failure: Exception) -> str:
    return _("The mail server failed: %(error)s. Check EMAIL_URL.") % {"error": failure}


def _text(answer: bytes | str) -> str:
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer
