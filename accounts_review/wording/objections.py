"""Objections in words: why a case may not be removed, or not be written to, and why no e-mails leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext_lazy

from accounts_review.wording.verdicts import reasons

OBJECTIONS = {
    "another_incarnation": gettext_lazy("the username now belongs to another account"),
    "unreadable_record": gettext_lazy("its record could not be read: %(detail)s"),
    "earlier_activity": gettext_lazy("its dates are earlier than at the approval, or missing: %(detail)s"),
    "another_address": gettext_lazy("its e-mail address is not the one it had at the approval"),
    "newer_activity": gettext_lazy("was active after the approval: %(detail)s"),
    "new_rights": gettext_lazy("has gained rights: %(detail)s"),
    "new_groups": gettext_lazy("has joined groups: %(detail)s"),
    "verdict_active": gettext_lazy("no longer counts as dormant"),
    "verdict_protected": gettext_lazy("is now protected: %(detail)s"),
    "verdict_uncertain": gettext_lazy("is now uncertain: %(detail)s"),
    "exempt": gettext_lazy("is exempt"),
    "approver_may_no_longer": gettext_lazy("the person who approved it may no longer do so"),
    "approval_expired": gettext_lazy("the approval expired: %(detail)s"),
    "key_owner_unknown": gettext_lazy("the owner of the API key is not known"),
    "cleanup_not_running": gettext_lazy("the clean-up is not running"),
    "held": gettext_lazy("everything is held"),
    "checkpoint": gettext_lazy("the database does not match its checkpoint"),
    "workspace_in_dry_run": gettext_lazy("the workspace is in dry run"),
    "breaker_tripped": gettext_lazy("a sync looked wrong, and nobody has decided on it yet"),
    "not_noticed": gettext_lazy("the notice was not sent"),
    "address_changed": gettext_lazy("the notice went to an address the account no longer has"),
    "promise_not_reached": gettext_lazy("the promised date has not come yet: %(detail)s"),
    "hourly_limit": gettext_lazy("the policy's hourly limit is reached"),
    "launch_waits": gettext_lazy("nobody was warned, so the launch waits before its first removal"),
    "avoided_day": gettext_lazy("the policy avoids this day"),
    "stale_look": gettext_lazy("the final check is too old"),
    "no_longer_listed": gettext_lazy("is no longer listed"),
}
"""A clause for each code of the gate's objections; the last is one to a notice only."""

UNSENT = {
    "address_unusable": gettext_lazy("this is not a usable e-mail address"),
    "no_smtputf8": gettext_lazy(
        "the address has characters before the @ that the mail server does not support (no SMTPUTF8)"
    ),
}
"""A clause for each reason of ours not to hand an e-mail to the mail server."""

MAIL_STOPS = {
    "unreachable": gettext_lazy("The mail server failed: %(reply)s. Check EMAIL_URL."),
    "broken": gettext_lazy("The mail server closed the connection. If it happens again, check EMAIL_URL."),
    "sender_refused": gettext_lazy(
        "The mail server refuses all our e-mails: %(reply)s. No address is at fault, so everyone waits. Check the "
        "quota, block lists, EMAIL_FROM and EMAIL_URL."
    ),
    "all_refused": gettext_lazy(
        "The mail server refused the e-mails without blaming the addresses: %(reply)s. Everyone waits. Send "
        "yourself a test e-mail; if it arrives, mark the addresses as undeliverable."
    ),
    "unread": gettext_lazy(
        "No mail server is set up, so e-mails would reach nobody, and none leaves. Set EMAIL_URL to your mail server."
    ),
}
"""Why no e-mails leave, as sentences, by :class:`accounts_review.workflow.notify.smtp.StopCode`."""


def mail_stop(code: str, reply: str = "") -> str:
    """Why no e-mails leave; ``reply`` is what the server said."""
    return str(MAIL_STOPS.get(code, code)) % {"reply": reply.strip().rstrip(".")}


def objection(code: str, detail: str = "", because: Iterable[Mapping[str, str]] = ()) -> str:
    """One objection of the gate or to sending an e-mail, as a clause; ``because`` are reasons as they are stored."""
    return str((OBJECTIONS | UNSENT).get(code, code)) % {"detail": ", ".join(reasons(because)) or detail}
