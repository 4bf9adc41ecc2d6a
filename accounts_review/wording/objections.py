"""Objections in words: why a case may not be removed, or not be written to, and why no e-mails leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext_lazy

from accounts_review.wording.verdicts import reasons

OBJECTIONS = {
    "another_incarnation": gettext_lazy("the username now belongs to another account"),
    "unreadable_record": gettext_lazy("its record could not be read: %(detail)s"),
    "earlier_activity": gettext_lazy("its dates are earlier than when it was approved, or gone: %(detail)s"),
    "newer_activity": gettext_lazy("was active after the approval: %(detail)s"),
    "new_rights": gettext_lazy("has gained rights: %(detail)s"),
    "new_groups": gettext_lazy("has joined groups: %(detail)s"),
    "verdict_active": gettext_lazy("no longer counts as dormant"),
    "verdict_protected": gettext_lazy("is now protected: %(detail)s"),
    "verdict_uncertain": gettext_lazy("is now uncertain: %(detail)s"),
    "exempt": gettext_lazy("is exempt"),
    "approver_may_no_longer": gettext_lazy("the person who approved it may no longer do so"),
    "approval_expired": gettext_lazy("the approval expired: %(detail)s"),
    "key_owner_unknown": gettext_lazy("the owner of our API key is not known"),
    "cleanup_not_running": gettext_lazy("the clean-up is not running"),
    "held": gettext_lazy("everything is held"),
    "checkpoint": gettext_lazy("the database does not agree with its checkpoint"),
    "workspace_in_dry_run": gettext_lazy("the workspace is in dry run"),
    "breaker_tripped": gettext_lazy("a sync looked wrong, and nobody has reset the breaker yet"),
    "not_noticed": gettext_lazy("the warning was not sent"),
    "address_changed": gettext_lazy("the warning went to another address than the account has now"),
    "promise_not_reached": gettext_lazy("the promised date has not come: %(detail)s"),
    "hourly_limit": gettext_lazy("the policy's hourly limit is reached"),
    "launch_waits": gettext_lazy("nobody was warned, so the launch waits before its first removal"),
    "stale_look": gettext_lazy("the last look is too old"),
    "no_longer_listed": gettext_lazy("is no longer listed"),
}
"""A clause for each code of the gate's objections; the last is one to a notice only."""

UNSENT = {
    "address_unusable": gettext_lazy("this is not an address that e-mail can be sent to"),
    "no_smtputf8": gettext_lazy(
        "the address has letters before the @ that the mail server cannot write to (it does not offer SMTPUTF8)"
    ),
}
"""A clause for each reason of ours not to hand a letter to the mail server."""

MAIL_STOPS = {
    "unreachable": gettext_lazy("The mail server failed: %(reply)s. Check EMAIL_URL."),
    "broken": gettext_lazy("The mail server broke off the connection. Check EMAIL_URL if this lasts."),
    "sender_refused": gettext_lazy(
        "The mail server does not take our e-mails, whoever they are to: %(reply)s. No address is at fault: everyone "
        "waits. Check the quota, block lists, EMAIL_FROM and EMAIL_URL."
    ),
    "all_refused": gettext_lazy(
        "The mail server refused the e-mails without naming the addresses as the reason: %(reply)s. Everyone waits. "
        "Send a test e-mail to yourself; if that arrives, mark the addresses as undeliverable."
    ),
}
"""Why no e-mails leave, as sentences, by :class:`accounts_review.workflow.notify.smtp.StopCode`."""


def mail_stop(code: str, reply: str = "") -> str:
    """Why no e-mails leave; ``reply`` is what the server said."""
    return str(MAIL_STOPS.get(code, code)) % {"reply": reply.strip().rstrip(".")}


def objection(code: str, detail: str = "", because: Iterable[Mapping[str, str]] = ()) -> str:
    """One objection of the gate or to sending a letter, as a clause; ``because`` are reasons as they are stored."""
    return str((OBJECTIONS | UNSENT).get(code, code)) % {"detail": ", ".join(reasons(because)) or detail}
