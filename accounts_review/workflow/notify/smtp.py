"""Delivery: hand e-mails to the mail server one by one, and tell whose fault a refusal is (law 10).

A refusal that speaks of the recipient is charged to that person. One that speaks of the sender stops the run, and is
nobody's. One that does not say is charged once the server has taken another e-mail since; several alike stop the run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException, SMTPServerDisconnected

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from accounts_review import audit
from accounts_review.audit import checkpoint
from accounts_review.models import Workspace
from accounts_review.models.alone import alone
from accounts_review.rules.addresses import needs_utf8, usable_for_mail
from accounts_review.rules.refusals import MailFault, alike, fault_of
from accounts_review.wording import objections
from accounts_review.workflow.holds import EverythingHeld
from accounts_review.workflow.notify.emails import one_line
from accounts_review.workflow.unread import warns_nobody

MOST_BROKEN = 3
"""A run ends after so many broken connections: each may cost EMAIL_TIMEOUT, and a task has two minutes. Who was tried
goes behind the others, so the next run begins with those that this one did not reach."""

MOST_ALIKE = 3
"""A run ends after so many refusals in a row that say the same and do not say whom they are about."""

LONGEST_REPLY = 500
SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")
"""How the names of those ANYMAIL_ variables end that nobody may read."""
SHORTEST_SECRET = 8
"""To take a letter or two out of other words would tell them."""
CLOSING = 421
NOT_THIS_ONE = (400, 422)
"""How a provider's API answers to one message that it does not like, be it for the address or for our own set-up."""


class RefusalKind(StrEnum):
    """How an e-mail was not taken."""

    FINAL = "refused"
    """This address is refused for good."""
    SENDER = "sender refused"
    """We are refused, whoever it is to."""
    UNTOLD = "untold"
    """Refused for good, and nobody can tell why."""
    DEFERRED = "deferred"
    """Not now: by greylisting for one."""
    BROKEN = "broken"
    """No answer: the connection broke or timed out over it."""


_KINDS = {
    MailFault.RECIPIENT: RefusalKind.FINAL,
    MailFault.SENDER: RefusalKind.SENDER,
    MailFault.UNTOLD: RefusalKind.UNTOLD,
    MailFault.LATER: RefusalKind.DEFERRED,
}


class StopCode(StrEnum):
    """Why a run ended with e-mails left."""

    UNREACHABLE = "unreachable"
    BROKEN = "broken"
    SENDER_REFUSED = "sender_refused"
    ALL_REFUSED = "all_refused"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class MailStop:
    """What ended a run: a code, and what the server said word for word."""

    code: StopCode
    reply: str


@dataclass(frozen=True, slots=True)
class MailRefusal:
    """The server did not take an e-mail: what it said, or a ``code`` of ours, and what that means."""

    why: str
    kind: RefusalKind
    code: str = ""

    @property
    def record(self) -> object:
        """What is kept of it: the server's words, or our code."""
        return [{"code": self.code}] if self.code else self.why


Act = Callable[[int, BaseEmailBackend], str | MailRefusal]
"""Does something for a key that may send an e-mail; answers ``"sent"``, another word, or how it was not taken."""


def _nothing(key: int, refusal: MailRefusal) -> bool:
    return False


@dataclass(slots=True, kw_only=True)
class Round:
    """One run through e-mails: how often each answer was given, and what ended it early, if anything did."""

    charge: Callable[[int, MailRefusal], object] = _nothing
    wait: Callable[[int, MailRefusal], bool] = _nothing
    tally: Counter[str] = field(default_factory=Counter)
    stop: MailStop | None = None
    held: str = ""
    """Why nothing may leave, where everything is held: no fault of the mail server's."""
    _untold: list[tuple[int, MailRefusal]] = field(default_factory=list)

    @property
    def error(self) -> str:
        """What went wrong beyond single addresses, in the reader's language, or ""."""
        if self.held:
            return self.held
        if self.stop:
            return objections.mail_stop(self.stop.code, self.stop.reply)
        return objections.mail_stop(StopCode.BROKEN) if self.tally[RefusalKind.BROKEN] else ""

    def take(self, key: int, answer: str | MailRefusal) -> None:
        """Count an answer; what a refusal means for its key is decided here, now or by a later answer."""
        if isinstance(answer, str):
            self.tally[answer] += 1
            if answer == "sent":
                self._charge_the_untold()
            return
        if answer.kind is RefusalKind.FINAL:
            self._charge(key, answer)
            return
        self.tally[answer.kind] += 1
        with suppress(audit.Conflict):
            self.tally[RefusalKind.FINAL] += self.wait(key, answer)
        if answer.kind is RefusalKind.SENDER:
            self.stop = MailStop(StopCode.SENDER_REFUSED, answer.why)
        elif answer.kind is RefusalKind.UNTOLD:
            self._untold.append((key, answer))
            last = [refusal.why for _key, refusal in self._untold[-MOST_ALIKE:]]
            if len(last) == MOST_ALIKE and all(alike(why, last[0]) for why in last):
                self.stop = MailStop(StopCode.ALL_REFUSED, answer.why)
        elif self.tally[RefusalKind.BROKEN] >= MOST_BROKEN:
            self.stop = MailStop(StopCode.BROKEN, answer.why)

    def end(self) -> None:
        """Where nothing was taken and something was refused, nobody can tell whose fault it is: that is a stop."""
        if self.stop or self.held or self.tally["sent"]:
            return
        if self._untold:
            self.stop = MailStop(StopCode.ALL_REFUSED, self._untold[-1][1].why)
        elif self.tally[RefusalKind.BROKEN]:
            self.stop = MailStop(StopCode.BROKEN, "")

    def _charge_the_untold(self) -> None:
        """The server takes mail from us: so it was the address that it did not like."""
        for key, refusal in self._untold:
            self._charge(key, refusal)
        self._untold.clear()

    def _charge(self, key: int, refusal: MailRefusal) -> None:
        with suppress(audit.Conflict):
            self.charge(key, refusal)
            self.tally[RefusalKind.FINAL] += 1


def deliver(message: EmailMessage, *, through: BaseEmailBackend) -> str | MailRefusal:
    """Send one e-mail; returns the identifier by which the server knows it, or why it was not taken.

    A broken connection is reopened, so that one address never stops the others. Raises what concerns more than
    this address: the sender is refused, or the server cannot be reached.
    """
    try:
        if refusal := _not_sendable(message, through):
            return refusal
        message.connection = through
        message.send()
    except (SMTPException, AnymailError, OSError, ValueError) as failure:
        told = _refusal(failure)
        if told is None:
            raise
        # After a refused text smtplib leaves the message open, and the server would refuse the next.
        if told.kind is RefusalKind.BROKEN or isinstance(failure, SMTPDataError) or _is_lost(through):
            _reopen(through)
        return told
    status = getattr(message, "anymail_status", None)
    return str((status and status.message_id) or message.extra_headers.get("Message-ID", "")).strip("<>")


def one_by_one(
    keys: Iterable[int],
    act: Act,
    *,
    workspace: Workspace | None = None,
    charge: Callable[[int, MailRefusal], object] = _nothing,
    wait: Callable[[int, MailRefusal], bool] = _nothing,
    limit: int | None = None,
    until: float | None = None,
    record: Callable[[], object] = lambda: None,
) -> Round:
    """Act for each key, until ``limit`` of them answered ``"sent"`` or the instant ``until`` of the monotonic clock.

    Where it is to the people of a ``workspace``, not as long as that would reach nobody.
    ``charge`` is called where a refusal is the recipient's; ``wait`` where it is not, or cannot be told yet: true from
    it means that the recipient was given up. ``record`` is called at the end, however that comes. A server that cannot
    be reached, refuses the sender, or breaks :data:`MOST_BROKEN` connections ends the run; the next one goes on from
    there.
    """
    run, left = Round(charge=charge, wait=wait), list(keys)
    if left and workspace and warns_nobody(workspace):
        run.stop = MailStop(StopCode.UNREAD, "")
    if not left or run.stop:
        return run
    try:
        with get_connection() as through, checkpoint.kept_at_the_end(), ExitStack() as ending:
            ending.callback(record)
            for key in left:
                is_over = until is not None and time.monotonic() >= until
                if run.stop or is_over or (limit is not None and run.tally["sent"] >= limit):
                    break
                with suppress(audit.Conflict):
                    run.take(key, act(key, through))
    except EverythingHeld as held:
        run.held = str(held)
    except (SMTPException, AnymailError, OSError) as failure:
        run.stop = MailStop(StopCode.UNREACHABLE, _words(failure))
    run.end()
    return run


def alone_in(workspace: Workspace) -> AbstractContextManager[bool]:
    """Whether nobody else sends for the workspace now, until the end.

    Without it, two processes would each send the e-mail that only one of them can record.
    """
    return alone(0x6D61696C, workspace.pk)


def _not_sendable(message: EmailMessage, through: BaseEmailBackend) -> MailRefusal | None:
    """Why an e-mail cannot even be handed over, be it for its address or for what the server offers."""
    address = message.to[0]
    if not usable_for_mail(address):
        return MailRefusal("", RefusalKind.FINAL, "address_unusable")
    if needs_utf8(address) and not _takes_utf8(through):
        return MailRefusal("", RefusalKind.FINAL, "no_smtputf8")
    return None


def _takes_utf8(through: BaseEmailBackend) -> bool:
    """Whether addresses outside ASCII can be written to this way; of providers that is not known."""
    if hasattr(through, "esp_name"):
        return False
    server = getattr(through, "connection", None)
    if server is None:
        return True  # Mails become files, or nothing leaves at all.
    server.ehlo_or_helo_if_needed()
    return bool(server.has_extn("smtputf8"))


def _is_lost(connection: BaseEmailBackend) -> bool:
    """Whether the server hung up behind a refusal, of which smtplib says nothing."""
    server = getattr(connection, "connection", None)
    return server is not None and getattr(server, "sock", True) is None


def _reopen(connection: BaseEmailBackend) -> None:
    connection.close()
    connection.open()


def _refusal(failure: Exception) -> MailRefusal | None:
    """What a failure means for one e-mail; ``None`` where it concerns more than that."""
    match failure:
        case SMTPRecipientsRefused(recipients=answers):
            return _answered(*next(iter(answers.values())))
        case SMTPDataError(smtp_code=code, smtp_error=text):
            return _answered(code, text)
        case SMTPServerDisconnected() | TimeoutError() | ConnectionResetError() | BrokenPipeError():
            return MailRefusal(_words(failure), RefusalKind.BROKEN)
        case SMTPResponseException(smtp_code=code) if code == CLOSING or type(failure) is SMTPResponseException:
            # The latter is smtplib's own, for a reply of which a line has no end; it has hung up.
            return MailRefusal(_words(failure), RefusalKind.BROKEN)
        case AnymailRecipientsRefused():
            return MailRefusal(_words(failure), RefusalKind.FINAL)
        case AnymailAPIError(status_code=status) if status in NOT_THIS_ONE:
            return MailRefusal(_words(failure), _KINDS[fault_of(550, _words(failure))])
        case AnymailError() | OSError():
            return None
        case _:
            return MailRefusal(
                _words(failure), RefusalKind.UNTOLD
            )  # The e-mail, or our own address, cannot be written down.


def _answered(code: int, text: bytes | str) -> MailRefusal:
    why = f"{code} {_text(text)}"
    return MailRefusal(why, RefusalKind.BROKEN if code == CLOSING else _KINDS[fault_of(code, _text(text))])


def _words(failure: Exception) -> str:
    """A failure as the server put it."""
    if isinstance(failure, SMTPResponseException):
        return f"{failure.smtp_code} {_text(failure.smtp_error)}"
    return _text(str(failure))


def _text(answer: bytes | str) -> str:
    """What a server said, as a line that can be kept and shown: without the keys to a provider, which it may repeat."""
    said = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    for name, value in settings.ANYMAIL.items():
        if name.endswith(SECRET) and len(value) >= SHORTEST_SECRET:
            said = said.replace(value, "***")
    return one_line(said, longest=LONGEST_REPLY)
