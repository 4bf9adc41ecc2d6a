"""The way to the mail server: Django's, but every address goes out as it is or not at all.

Django encodes the part before the @ for headers (RFC 2047) and hands that to the server: an address nobody has. And it
writes domains by an older rule (IDNA 2003), by which ``straße.example`` is somebody else's.
"""

from __future__ import annotations

import re
import smtplib
from base64 import b64encode
from collections.abc import Sequence
from email.utils import parseaddr
from io import BufferedReader, RawIOBase
from socket import socket
from time import monotonic
from typing import Any

from django.core.mail.backends import smtp

from accounts_review.rules.addresses import envelope, needs_utf8, usable_for_mail
from cleanup_portal.logs import SHORTEST_SECRET
from cleanup_portal.mime import written

_BARE = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
"""What smtplib hands on as it is, after it has looked for names, comments and quotes in it for longer than the mail
server needs for the whole e-mail."""


class _Replies(RawIOBase):
    """What a mail server sends, as long as each reply is over in time."""

    def __init__(self, sock: socket) -> None:
        self.sock, self.until = sock, 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        patience = self.sock.gettimeout()
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError("the reply took too long")
        self.sock.settimeout(left)
        try:
            return self.sock.recv_into(buffer)
        finally:
            self.sock.settimeout(patience)


class MailServer(smtplib.SMTP):
    """A mail server whose replies come in time as a whole; smtplib bounds each wait, and a dribble never ends one.

    None of them repeats the password, since what a server says is shown and kept.
    """

    user, password = "", ""
    """Set by smtplib as soon as they are to be sent."""

    def getreply(self) -> tuple[int, bytes]:
        if self.sock and (patience := self.sock.gettimeout()):
            if self.file is None:
                self._replies = _Replies(self.sock)
                self.file = BufferedReader(self._replies)
            self._replies.until = monotonic() + patience
        code, said = super().getreply()
        if code < 0:
            # The next replies would be taken for those of other commands.
            self.close()
            raise smtplib.SMTPServerDisconnected("its answer is not SMTP")
        for secret in self._secrets():
            said = said.replace(secret, b"***")
        return code, said

    def _secrets(self) -> list[bytes]:
        """The password as it is, and as AUTH LOGIN and AUTH PLAIN send it, with or without what fills it up."""
        if not self.password:
            return []
        plain = self.password.encode()
        sent = (b64encode(each).rstrip(b"=") for each in (f"\0{self.user}\0{self.password}".encode(), plain))
        # To take a letter or two out of other words would tell them.
        return [each for each in (*sent, plain) if len(each) >= SHORTEST_SECRET]

    def mail(self, sender: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        if not _BARE.fullmatch(sender) or "SMTPUTF8" in options:
            return super().mail(sender, options)
        return self.docmd("mail", " ".join([f"FROM:<{sender}>", *options]))

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        if options or not _BARE.fullmatch(recip):
            return super().rcpt(recip, options)
        return self.docmd("rcpt", f"TO:<{recip}>")

    def data(self, msg: Any) -> tuple[int, bytes]:
        """By its first digit, as RFC 5321 (4.2.1) says: whatever begins with a 2 took the e-mail."""
        code, said = super().data(msg)
        return 250 if 200 <= code < 300 else code, said


class MailServerOverTLS(MailServer, smtplib.SMTP_SSL):
    """The same over TLS from the first byte on."""


class EmailBackend(smtp.EmailBackend):
    """Sends each message to exactly the addresses it names.

    Raises ``ValueError`` for what is no address, and ``SMTPNotSupportedError`` for one that takes SMTPUTF8 where the
    server does not offer it; the failures of Django's own otherwise.
    """

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return MailServerOverTLS if self.use_ssl else MailServer

    def _send(self, email_message: Any) -> bool:
        recipients = [_bare(address) for address in email_message.recipients()]
        if not recipients or self.connection is None:
            return False
        sender = _bare(email_message.from_email)
        in_utf8 = any(map(needs_utf8, [sender, *recipients]))
        data = written(email_message, to=[_bare(address) for address in email_message.to], in_utf8=in_utf8)
        options = ["SMTPUTF8", "BODY=8BITMIME"] if in_utf8 else []
        self.connection.sendmail(sender, recipients, data, mail_options=options)
        return True


def _bare(address: str) -> str:
    """The address without a name before it, as the server is given it."""
    bare = address if usable_for_mail(address) else parseaddr(address)[1]
    if not usable_for_mail(bare):
        raise ValueError(f"{address!r} is not a usable e-mail address.")
    return envelope(bare)
