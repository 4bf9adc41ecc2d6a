"""Delivery: hand letters to the mail server one by one, and tell what concerns one address from what concerns all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException, SMTPServerDisconnected

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused, AnymailUnsupportedFeature
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection as database
from django.utils.translation import gettext as _

from accounts_review import audit
from accounts_review.models import Workspace
from accounts_review.workflow.holds import EverythingHeld

MOST_BROKEN = 3
"""A run ends after so many broken connections: each may cost EMAIL_TIMEOUT, and a task has two minutes. Who was tried
goes behind the others, so the next run begins with those that this one did not reach."""

CLOSING = 421
_BROKEN = (SMTPServerDisconnected, TimeoutError, ConnectionResetError, BrokenPipeError)
_BROKEN = (SMTPServerDisconnected, TimeoutError, ConnectionResetError, BrokenPipeError)
NOT_THIS_ONE = (400, 422)
"""How a provider's API answers to one message that it does not like, be it for the address or for our own set-up."""


class Kind(StrEnum):
    """How a letter was not taken."""

    FINAL = "refused"
    """This address is refused for good."""
    DEFERRED = "deferred"
    """Not now: by greylisting for one."""
    BROKEN = "broken"
    """No answer: the connection broke or timed out over it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server did not take a letter: what it said, and what that means."""

    why: str
    kind: Kind

    @property
    def is_final(self) -> bool:
        return self.kind is Kind.FINAL


def deliver(letter: EmailMessage, *, through: BaseEmailBackend) -> str | Refusal:
    """Send one letter; returns the identifier by which the server knows it, or why it was not taken.

    A connection that breaks is opened anew, so that one address never stops the others. Raises what concerns more than
    this address: the sender is refused, or the server cannot be reached.
    """
    letter.connection = through
    try:
        letter.send()
    except AnymailUnsupportedFeature:
        raise
    except (SMTPRecipientsRefused, SMTPDataError, AnymailRecipientsRefused, ValueError) as failure:
        refusal = _refusal(failure)
        if isinstance(failure, SMTPDataError):
            _open_anew(through)  # smtplib leaves the letter open, and the server would refuse the next.
    except (SMTPResponseException, *_BROKEN) as failure:
        if getattr(failure, "smtp_code", CLOSING) != CLOSING:
            raise
        refusal = Refusal(str(failure), Kind.BROKEN)
    except AnymailAPIError as failure:
        if failure.status_code not in NOT_THIS_ONE:
            raise
        refusal = Refusal(str(failure), Kind.DEFERRED)
    else:
        status = getattr(letter, "anymail_status", None)
        return str((status and status.message_id) or letter.extra_headers.get("Message-ID", "")).strip("<>")
    if refusal.kind is Kind.BROKEN:
        _open_anew(through)
    return refusal


def one_by_one(
    keys: Iterable[int],
    act: Callable[[int, BaseEmailBackend], str],
    *,
    limit: int | None = None,
    until: float | None = None,
) -> tuple[Counter[str], str]:
    """Do something for each key that may send a letter, until ``limit`` of them answered ``"sent"``.

    Returns how often each answer was given, and the last failure of the server, or "". A server that cannot be
    reached, refuses the sender, or breaks :data:`MOST_BROKEN` connections ends the run, and so does the instant
    ``until`` of the monotonic clock; the next run goes on from there.
    """
    tally, left = Counter[str](), list(keys)
    if not left:
        return tally, ""
    try:
        with get_connection() as through:
            for key in left:
                if (limit is not None and tally["sent"] >= limit) or (until is not None and time.monotonic() >= until):
                    break
                try:
                    tally[act(key, through)] += 1
                except audit.Conflict:
                    continue
                if tally[Kind.BROKEN] >= MOST_BROKEN:
                    break
    except EverythingHeld as failure:
        return tally, str(failure)
    except (SMTPException, AnymailError, OSError) as failure:
        return tally, _said(failure)
    return tally, _said(_("connections broke off")) if tally[Kind.BROKEN] else ""


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


def _open_anew(connection: BaseEmailBackend) -> None:
    connection.close()
    connection.open()


def _refusal(failure: Exception) -> Refusal:
    """What is meant by an answer that concerns one letter."""
    match failure:
        case SMTPRecipientsRefused(recipients=answers):
            codes = [code for code, text in answers.values()]
            why = ", ".join(f"{code} {_text(text)}" for code, text in answers.values())
        case SMTPDataError(smtp_code=code, smtp_error=text):
            codes, why = [code], f"{code} {_text(text)}"
        case _:
            return Refusal(str(failure), Kind.FINAL)
    if CLOSING in codes:
        return Refusal(why, Kind.BROKEN)
    return Refusal(why, Kind.FINAL if max(codes) >= 500 else Kind.DEFERRED)


def _said(failure: object) -> str:
    return _("The mail server failed: %(error)s. Check EMAIL_URL.") % {"error": failure}


def _text(answer: bytes | str) -> str:
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer
