"""The way to the mail server: Django's, but every address goes out as it is or not at all.

Django encodes the part before the @ for headers (RFC 2047) and hands that to the server: an address nobody has. And it
writes domains by an older rule (IDNA 2003), by which ``straße.example`` is somebody else's.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

from django.core.mail.backends import smtp

from accounts_review.rules.addresses import envelope, needs_utf8, usable_for_mail
from cleanup_portal.mime import written

_BARE = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
"""What smtplib hands on as it is, after it has looked for names, comments and quotes in it for longer than the mail
server needs for the whole e-mail."""
GO_ON = 354


class MailServer(smtplib.SMTP):
    """A mail server that is told sender, recipient and DATA at once where it offers that (RFC 2920).

    Each reply is read and judged as ever, the one to the content last.
    """

    _recipient = ""
    """Who follows MAIL in the same flight, if anybody."""
    _sent: Sequence[str] = ()
    """The commands that were sent ahead and whose turn has not come yet."""

    def sendmail(self, from_addr: str, to_addrs: Any, *args: Any, **options: Any) -> Any:
        self.ehlo_or_helo_if_needed()
        is_one = len(to_addrs) == 1 and _BARE.fullmatch(to_addrs[0])
        self._recipient, self._sent = to_addrs[0] if is_one and self.has_extn("pipelining") else "", ()
        return super().sendmail(from_addr, to_addrs, *args, **options)

    def mail(self, sender: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        if not _BARE.fullmatch(sender) or "SMTPUTF8" in options:
            self._recipient = ""
            return super().mail(sender, options)
        return self.docmd("mail", " ".join([f"FROM:<{sender}>", *options]))

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        if options or not _BARE.fullmatch(recip):
            return super().rcpt(recip, options)
        return self.docmd("rcpt", f"TO:<{recip}>")

    def putcmd(self, cmd: str, args: str = "") -> None:
        if cmd == "mail" and self._recipient:
            self.send(f"{cmd} {args}\r\nrcpt TO:<{self._recipient}>\r\ndata\r\n")
            self._sent = ("rcpt", "data")
        elif self._sent[:1] == (cmd,):
            self._sent = self._sent[1:]
        else:
            super().putcmd(cmd, args)

    def rset(self) -> tuple[int, bytes]:
        """Something was refused: what was sent ahead is answered first; a server that asks for content gets none."""
        sent, self._sent = self._sent, ()
        for command in sent:
            code, _text = self.getreply()
            if command == "data" and code == GO_ON:
                self.send(b".\r\n")
                self.getreply()
        return super().rset()


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
