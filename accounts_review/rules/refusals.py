"""Whose fault a mail server's refusal is: the recipient's, the sender's, or not to be told (law 10).

Pure. RFC 3463 gives a refusal a number that says what it is about, but servers use it loosely: the text is read, too.
"""

from __future__ import annotations

import re
from enum import StrEnum


class MailFault(StrEnum):
    """Whom a refusal speaks of."""

    RECIPIENT = "recipient"
    """This mailbox does not take mail."""
    SENDER = "sender"
    """Our address, quota, reputation, way of sending or text: it says nothing about the recipient."""
    UNTOLD = "untold"
    LATER = "later"
    """Try again: greylisting, a full queue, a mailbox that is full today."""


STATUS = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
GREYLISTED = re.compile(r"gr[ea]y.?list", re.IGNORECASE)

SENDERS_NUMBERS = (
    *((1, detail) for detail in (7, 8)),
    *((2, 252), (4, 5)),
    *((7, detail) for detail in (*range(3, 17), *range(20, 31), 60, *range(500, 800))),
)
"""Subject and detail of the numbers that speak of who sends: address, quota, permission, encryption, SPF and DKIM."""

ABOUT_THE_SESSION = frozenset({503, 530, 534, 535, 538})
"""Replies to the order of our commands and to how we sign in; the words of some name the recipient all the same."""

NOT_ASCII = (6, 7)
"""The recipient's server does not take an address like theirs."""

RECIPIENTS_SUBJECTS = (1, 2)
"""Addressing and mailbox."""

SURELY_SENDER = re.compile(
    r"sender('s)? (e-?mail )?(address )?(is |was |has been )?(rejected|denied|refused|blocked|not|verif|invalid|unknow)"
    r"|(invalid|bad|unknown|unauthori[sz]ed) sender|(envelope|return).?(from|path)|send ?as\b|sendasdenied|on behalf of"
    r"|send(ing|er)? (mail )?(limit|quota|rate)|submission.?quota|quota.{0,20}\bsend|(daily|hourly|user|account) (\w+ )"
    r"?(sending|message|mail|e-?mail|submission|relay) (\w+ )?(limit|quota|rate)|not (allowed|permitted|authori[sz]ed)"
    r" to (send|relay)|relay(?!_| recipient)|relaying",
    re.IGNORECASE,
)
SURELY_RECIPIENT = re.compile(
    r"no such (user|recipient|mailbox|address|person|account|local user)|(user|recipient|mailbox|account|addressee)"
    r" (\w+ )?(is )?(unknown|not found|not known|disabled|inactive|suspended|full|closed|expired)|(unknown|invalid|"
    r"nonexistent) (local )?(user|recipient|mailbox|account|addressee|destination)|(does not|doesn't|do not|no longer)"
    r" exist|not exist|over ?quota|mailbox (unavailable|not available|has moved|quota)|no mailbox|recipient ?not ?found"
    r"|unrouteable address|(host|domain) (name )?not found|no mx|null mx|inconnu|inexistant|existe pas|unbekannt",
    re.IGNORECASE,
)
LIKELY_SENDER = re.compile(
    r"\bspam|\bjunk|\bvirus|malware|phishing|block|black.?list|deny.?list|\blisted\b|\brbl\b|dnsbl|spamhaus|spamcop"
    r"|barracuda|reputation|banned|rate.?limit|too many (message|mail|e-?mail|connection|error)|limit exceeded"
    r"|exceed\w* .{0,30}\b(limit|quota|rate)|quota exceeded|client host|your (ip|host|server|domain|network)|\bspf\b"
    r"|\bdkim\b|\bdmarc\b|authenticat|\bstarttls\b|reverse dns|\bptr\b|\bcontent\b|daily",
    re.IGNORECASE,
)
LIKELY_RECIPIENT = re.compile(r"recipient|mailbox|addressee|destinataire|empfänger", re.IGNORECASE)


def fault_of(code: int, text: str) -> MailFault:
    """Whom a reply of 400 or more speaks of; ``text`` is all that was said with it."""
    if code < 500:
        return MailFault.SENDER if not GREYLISTED.search(text) and _speaks_of_the_sender(text) else MailFault.LATER
    found = STATUS.search(text)
    number = (int(found[2]), int(found[3])) if found else (0, 0)
    if code in ABOUT_THE_SESSION or number in SENDERS_NUMBERS or SURELY_SENDER.search(text):
        return MailFault.SENDER
    if number == NOT_ASCII or number[0] in RECIPIENTS_SUBJECTS or SURELY_RECIPIENT.search(text):
        return MailFault.RECIPIENT
    if LIKELY_SENDER.search(text):
        return MailFault.SENDER
    return MailFault.RECIPIENT if LIKELY_RECIPIENT.search(text) else MailFault.UNTOLD


def alike(one: str, other: str) -> bool:
    """Whether two refusals say the same, but for names, numbers and whatever else changes with each mail."""
    return _gist(one) == _gist(other)


def _speaks_of_the_sender(text: str) -> bool:
    if SURELY_SENDER.search(text):
        return True
    return not SURELY_RECIPIENT.search(text) and LIKELY_SENDER.search(text) is not None


def _gist(text: str) -> tuple[str, ...]:
    status = STATUS.search(text)
    words = (word.strip(".,;:!()'\"-") for word in text.split())
    return (text[:3], status[0] if status else "", *(word.casefold() for word in words if word.isalpha()))
