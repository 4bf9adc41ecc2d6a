"""A mail server that takes and refuses as it is told."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.workflow.notify.test_smtp import received

Reply = Callable[[str, int], str]
"""What the server says to an address, told how many e-mails it has taken; "" for yes."""


class Server:
    """Takes mail as its rules for recipients and contents say."""

    def __init__(self) -> None:
        self.to_recipient: Reply = lambda address, taken: ""
        self.to_content: Reply = lambda address, taken: ""
        self.accepted: list[Message] = []
        self.recipients: list[str] = []

    async def handle_RCPT(  # noqa: N802 (the server looks for this name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self.to_recipient(address, len(self.accepted)):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if reply := self.to_content(envelope.rcpt_tos[0], len(self.accepted)):
            return reply
        self.recipients += envelope.rcpt_tos
        self.accepted.append(received(envelope))
        return "250 OK"
