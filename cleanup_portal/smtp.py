"""The way to the mail server: Django's, but every address goes out as it is or not at all.

Django encodes the part before the @ for headers (RFC 2047) and hands that to the server: an address nobody has. And it
writes domains by an older rule (IDNA 2003), by which ``straße.example`` is somebody else's.
"""

from __future__ import annotations

import re
import secrets
from email.generator import BytesGenerator
from email.policy import SMTPUTF8, Compat32, Policy
from email.utils import parseaddr
from io import BytesIO
from typing import Any

from django.core.mail.backends import smtp

from accounts_review.rules.addresses import envelope, needs_utf8, usable_for_mail


class PlainLines(Compat32):
    """As Django writes e-mails, but a header that fits in one plain line goes out without a look at where to fold it.

    That look takes longer than all the rest, and leaves such a line as it is.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The header's bytes."""
        if isinstance(value, str) and _PLAIN.fullmatch(value) and len(name) + len(value) < LONGEST_LINE:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_PLAIN = re.compile(r"[!-~]+( [!-~]+)*")
LONGEST_LINE = 75
PLAIN = PlainLines(linesep="\r\n")


class EmailBackend(smtp.EmailBackend):
    """Sends each message to exactly the addresses it names.

    Raises ``ValueError`` for what is no address, and ``SMTPNotSupportedError`` for one that takes SMTPUTF8 where the
    server does not offer it; the failures of Django's own otherwise.
    """

    def _send(self, email_message: Any) -> bool:
        recipients = [_bare(address) for address in email_message.recipients()]
        if not recipients or self.connection is None:
            return False
        sender = _bare(email_message.from_email)
        message = email_message.message()
        if email_message.to:
            message.replace_header("To", ", ".join(_bare(address) for address in email_message.to))
        options = ["SMTPUTF8", "BODY=8BITMIME"] if any(map(needs_utf8, [sender, *recipients])) else []
        if message.is_multipart() and not message.get_boundary():
            # As unlikely to stand in the text as to be guessed. What Python makes up otherwise it looks for in every
            # part, by an expression that is compiled anew for each e-mail.
            message.set_boundary(secrets.token_hex(16))
        data = _written(message, SMTPUTF8 if options else PLAIN)
        self.connection.sendmail(sender, recipients, data, mail_options=options)
        return True


def _bare(address: str) -> str:
    """The address without a name before it, as the server is given it."""
    bare = address if usable_for_mail(address) else parseaddr(address)[1]
    if not usable_for_mail(bare):
        raise ValueError(f"{address!r} is not a usable e-mail address.")
    return envelope(bare)


def _written(message: Any, policy: Policy) -> bytes:
    written = BytesIO()
    BytesGenerator(written, mangle_from_=False, policy=policy).flatten(message)
    return written.getvalue()
