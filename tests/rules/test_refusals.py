"""A refusal is read for whom it speaks of: what mail servers really say, and whose fault it is."""

from __future__ import annotations

import pytest

from accounts_review.rules.refusals import MailFault, alike, fault_of

RECIPIENT, SENDER, UNTOLD, LATER = MailFault

SAID = {
    # The mailbox
    "550 5.1.1 No such user": RECIPIENT,
    "550 5.1.1 <ana@b.example>: Recipient address rejected: User unknown in virtual mailbox table": RECIPIENT,
    "550 5.1.1 The email account that you tried to reach does not exist. Check it before sending again.": RECIPIENT,
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup": RECIPIENT,
    "550 5.1.1 <a@b.example>: Recipient address rejected: User unknown in relay recipient table": RECIPIENT,
    "550 5.2.1 The email account that you tried to reach is inactive": RECIPIENT,
    "550 5.2.1 Mailbox disabled, blocked for spam": RECIPIENT,
    "552 5.2.2 The recipient's inbox is out of storage space": RECIPIENT,
    "554 5.2.2 mailbox full; quota exceeded": RECIPIENT,
    "550 5.2.0 x": RECIPIENT,
    "550 sorry, no mailbox here by that name. (#5.1.1)": RECIPIENT,
    "550 No such user": RECIPIENT,
    "550 unknown user": RECIPIENT,
    "550 Requested action not taken: mailbox unavailable": RECIPIENT,
    "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)": RECIPIENT,
    "550 5.7.1 <ana@b.example>... user unknown": RECIPIENT,
    "550 Utilisateur inconnu": RECIPIENT,
    "550 5.4.4 Host or domain name not found": RECIPIENT,
    "553 5.6.7 Address not permitted": RECIPIENT,
    "556 5.1.10 Recipient address has null MX": RECIPIENT,
    # Who sends
    "550 5.4.5 Daily user sending limit exceeded": SENDER,
    "550 5.4.5 Quota": SENDER,
    "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org": SENDER,
    "554 5.7.1 <ana@b.example>: Recipient address rejected: blocked using zen.spamhaus.org": SENDER,
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender": SENDER,
    "554 5.7.1 <ana@b.example>: Relay access denied": SENDER,
    "554 relay access denied": SENDER,
    "550 5.7.1 Unable to relay for ana@b.example": SENDER,
    "554 5.7.1 Looks like spam": SENDER,
    "554 spam": SENDER,
    "554 Message rejected: virus found": SENDER,
    "554 5.2.252 SendAsDenied; not allowed": SENDER,
    "554 5.2.2 SubmissionQuotaExceededException; submission quota exceeded": SENDER,
    "553 5.1.8 Domain of sender address does not exist": SENDER,
    "550 5.1.7 x": SENDER,
    "550 5.1.0 <portal@b.example> sender rejected": SENDER,
    "550 5.1.1 Sender address rejected: User unknown": SENDER,
    "550 5.7.26 This mail is unauthenticated": SENDER,
    "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP": SENDER,
    "550 You have exceeded the daily quota": SENDER,
    "530 5.7.0 Must issue a STARTTLS command first": SENDER,
    "503 5.5.1 Bad sequence of commands": SENDER,
    "503 5.0.0 Need RCPT (recipient)": SENDER,
    "535 5.7.8 Authentication credentials invalid": SENDER,
    "535 mailbox not available": SENDER,
    # Nobody can tell
    "550 unknown": UNTOLD,
    "554 Transaction failed": UNTOLD,
    "550 5.7.1 No thanks": UNTOLD,
    "550 5.3.0 x": UNTOLD,
    "550 Rejected by 5.1.1.10": UNTOLD,
    # Later
    "451 4.7.1 Greylisted, come back later": LATER,
    "450 4.2.0 Recipient address rejected: Greylisting in effect, sender not yet known": LATER,
    "452 4.2.2 Mailbox full": LATER,
    "450 4.2.2 user over quota": LATER,
    "450 4.7.1 Daily message limit reached": SENDER,
    "451 4.7.1 Sending rate limit reached": SENDER,
    "450 4.1.8 Sender address rejected: Domain not found": SENDER,
}


@pytest.mark.parametrize(("said", "fault"), SAID.items(), ids=SAID)
def test_whose_fault_it_is(said: str, fault: MailFault) -> None:
    code, _, text = said.partition(" ")
    assert fault_of(int(code), text) is fault


def test_every_class_of_the_numbers_is_told_without_words() -> None:
    assert {fault_of(550, f"5.1.{detail}") for detail in (0, 1, 2, 3, 4, 6, 9, 10)} == {RECIPIENT}
    assert {fault_of(550, f"5.2.{detail}") for detail in range(5)} == {RECIPIENT}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("550 5.7.1 <ana@b.org> refused (q8f3)", "550 5.7.1 <ben@c.org> refused (q9a1)", True),
        ("550 5.7.1 refused", "550 5.3.0 refused", False),
        ("550 refused", "554 refused", False),
        ("550 not today", "550 never", False),
    ],
)
def test_refusals_are_alike_whoever_they_name(one: str, other: str, *, same: bool) -> None:
    assert alike(one, other) is same
