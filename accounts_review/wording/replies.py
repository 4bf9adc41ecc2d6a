"""Replies of servers in words: what a mail server or a workspace refused, why as far as it tells, and what to do.

What the server said word for word is kept, and shown folded below the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

REPLY = re.compile(r"^[45]\d\d[ -]")
"""How the reply of a mail server begins."""

CORRECT = gettext_lazy("Correct it in Huwise, sync, and send the notice again.")

MAIL: tuple[tuple[re.Pattern[str], Promise, Promise], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), says, todo)
    for pattern, says, todo in (
        (
            r"\b5\.(1\.(2|10)|4\.[14])\b|(host|domain)( name)? not found|null ?mx|no mx",
            gettext_lazy("The domain of the address does not accept e-mail."),
            CORRECT,
        ),
        (
            r"\b[45]\.2\.2\b|over ?quota|(mailbox|account)( is)? full|quota exceeded",
            gettext_lazy("The mailbox is full."),
            gettext_lazy("Send the notice again in a few days, or correct the address in Huwise and sync."),
        ),
        (
            r"\b5\.2\.1\b|disabled|inactive|suspended|closed",
            gettext_lazy("The mailbox is disabled."),
            CORRECT,
        ),
        (
            r"\b5\.1\.\d+\b|no such|unknown|not exist|no longer exist|not found|rejected|unavailable|invalid",
            gettext_lazy("The address does not exist."),
            CORRECT,
        ),
    )
)
"""What a mail server's final reply says of an address; the first that matches counts."""

NOT_TAKEN = gettext_lazy("The mail server does not accept e-mails for this address.")
PUT_OFF = gettext_lazy("The mail server asks to try again later.")

OWNS = re.compile(r"owns? (?P<things>\d+ [a-z ]{3,30}?)(?=[.,;:]|$| and )", re.IGNORECASE)


def is_reply(text: object) -> bool:
    """Whether a stored text is what a mail server said."""
    return isinstance(text, str) and REPLY.match(text) is not None


def of_mail(reply: str, *, advise: bool = True) -> str:
    """What a mail server's reply means for an address, with what to do about it unless not asked for."""
    if reply.startswith("4"):
        return str(PUT_OFF)
    says, todo = next(((says, todo) for pattern, says, todo in MAIL if pattern.search(reply)), (NOT_TAKEN, CORRECT))
    return f"{says} {todo}" if advise else str(says)


def of_refusal(outcome: Mapping[str, Any]) -> str:
    """Why the workspace refused a removal, as far as it tells, and what to do."""
    code, reply = str(outcome.get("error_code", "")), str(outcome.get("error", ""))
    if "last_domain_administrator" in code:
        return _("Is the last administrator of the workspace: name another one in Huwise, then try again.")
    if "owns" in code or OWNS.search(reply):
        owned = OWNS.search(reply)
        things = owned["things"] if owned else _("objects")
        return _("Owns %(things)s: hand them over in Huwise, then try again.") % {"things": things}
    return _("The workspace refused the removal. Fix the cause in Huwise, then try again.")


def words_of(outcome: Mapping[str, Any] | None) -> str:
    """What a server said word for word, where the outcome of a case keeps it; "" where it keeps none."""
    kept = outcome or {}
    why = kept.get("why")
    return str(why) if is_reply(why) else str(kept.get("error", ""))
