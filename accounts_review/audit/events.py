"""The registry of audit events: the one place where each has its code, name, sentence, icon and group.

Every writer passes an :class:`Event`, so that mypy finds whoever misspells one. A new event is one member here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from django.utils.translation import gettext_lazy as _

from accounts_review.audit.words import Headline, Icon, Topic, Words

PERSONAL = frozenset(
    {"address", "address_before", "client", "email", "login", "owner", "recipient", "text", "user_agent", "username"}
)
"""Details that tell of a person: they are kept beside the chain, where they can be erased, whatever the event."""


class Event(StrEnum):
    """What can happen. The value is the code, which stands in ``AuditEntry.kind`` and in exports, and never changes."""

    words: Words

    ACCOUNT_ANSWER_REFUSED = (
        "account.answer_refused",
        Words(_("Answer refused"), _("an answer could not be taken as it was given"), Icon.ANSWER),
    )
    ACCOUNT_ANSWERED = (
        "account.answered",
        Words(
            _("Answered"),
            _("the person answered the notice"),
            Icon.ANSWER,
            variants={
                "away": _("the person answered the notice: away until %(until)s"),
                "keep": _("the person answered the notice, and keeps the access: %(text)s"),
                "leave": _("the person answered the notice, and wants the access removed now"),
            },
        ),
    )
    ACCOUNT_APPROVED = (
        "account.approved",
        Words(
            _("Approved"),
            _("approved for the next clean-up: %(reason)s"),
            decision=_("%(login)s approved it on %(at)s"),
            variants={"again": _("put into the draft again, as approved by %(approved_by)s: %(reason)s")},
        ),
    )
    ACCOUNT_DATES_ACCEPTED = (
        "account.dates_accepted",
        Words(
            _("Dates accepted"),
            _("accepted its dates, although they are earlier than before: %(reason)s"),
            Icon.DECISION,
        ),
    )
    ACCOUNT_EXEMPTED = (
        "account.exempted",
        Words(
            _("Exempted"),
            _("exempted until %(until)s: %(reason)s"),
            decision=_("%(login)s exempted it on %(at)s"),
            variants={
                "service": _("kept as a service account until %(until)s; %(owner)s answers for it: %(reason)s"),
            },
        ),
    )
    ACCOUNT_EXEMPTION_WITHDRAWN = (
        "account.exemption_withdrawn",
        Words(
            _("Exemption ended"),
            _("exemption ended early: %(reason)s"),
            decision=_("%(login)s ended its exemption on %(at)s"),
        ),
    )
    ACCOUNT_OWNER_TOLD = (
        "account.owner_told",
        Words(_("Owner told"), _("told %(owner)s that the exemption ends on %(until)s"), Icon.MAIL),
    )
    ACCOUNT_RESTORE_FAILED = (
        "account.restore_failed",
        Words(_("Invitation failed"), _("could not be invited back: %(error)s"), Icon.BACK),
    )
    ACCOUNT_RESTORED = (
        "account.restored",
        Words(_("Invited back"), _("invited back, with the rights recorded at the revocation"), Icon.BACK),
    )
    ACCOUNT_RESTORING = ("account.restoring", Words(_("Invitation started"), _("is being invited back"), Icon.BACK))
    ACCOUNT_RETURNED = ("account.returned", Words(_("Came back"), _("is a member again"), Icon.BACK))
    ACCOUNT_SNOOZED = (
        "account.snoozed",
        Words(_("Snoozed"), _("snoozed: %(reason)s"), decision=_("%(login)s snoozed it on %(at)s")),
    )
    ACCOUNT_UNSNOOZED = (
        "account.unsnoozed",
        Words(_("Snooze ended"), _("snooze ended: %(reason)s"), decision=_("%(login)s ended its snooze on %(at)s")),
    )
    ACCOUNT_WITHDRAWN = (
        "account.withdrawn",
        Words(
            _("Decision withdrawn"),
            _("taken out of the clean-up: %(reason)s"),
            decision=_("%(login)s took it out of the clean-up on %(at)s"),
        ),
    )
    ACCOUNTS_EXPORTED = ("accounts.exported", Words(_("Accounts exported"), _("exported %(count)s accounts")))
    AUDIT_EXPORTED = ("audit.exported", Words(_("Audit exported"), _("exported %(entries)s audit entries")))
    BREAKER_RESET = ("breaker.reset", Words(_("Breaker reset"), _("reset the breaker: %(reason)s")))
    CASE_ALREADY_GONE = (
        "case.already_gone",
        Words(_("Already gone"), _("was gone already when it was to be revoked"), Icon.REVOKED),
    )
    CASE_ADDRESS_CHANGED = (
        "case.address_changed",
        Words(_("Address changed"), _("the address changed to %(address)s; a new notice goes there"), Icon.MAIL),
    )
    CASE_BOUNCED = (
        "case.bounced",
        Words(
            _("Notice bounced"),
            _("the notice came back too late: %(why)s"),
            address_failed=True,
            news=Headline(2, _("%(count)d notices came back too late; look whether to invite these people back")),
        ),
    )
    CASE_CLAIMED = ("case.claimed", Words(_("Final check started"), _("final check started")))
    CASE_CLOSING_REFUSED = (
        "case.closing_refused",
        Words(
            _("Removal e-mail refused"),
            _("the e-mail about the removal could not be delivered: %(why)s"),
            address_failed=True,
        ),
    )
    CASE_CLOSING_TOLD = (
        "case.closing_told",
        Words(_("Removal e-mail sent"), _("told by e-mail that the access was removed"), Icon.MAIL),
    )
    CASE_DUE = ("case.due", Words(_("Notice period ended"), _("the notice period ended")))
    CASE_HELD_FOR_A_DAY = (
        "case.held_for_a_day",
        Words(
            _("Held for a day"),
            _("held back for more than a day: %(why)s"),
            news=Headline(1, _("%(count)d accounts have been held back for a day; look at them")),
        ),
    )
    CASE_HELD = ("case.held", Words(_("Held"), _("not revoked yet: %(why)s")))
    CASE_INTENDED = (
        "case.intended",
        Words(_("Revocation started"), _("passed every check; the intent to revoke was committed")),
    )
    CASE_LAUNCHED = ("case.launched", Words(_("Included in the launch"), _("included in the launch")))
    CASE_NOTICE_RETRIED = (
        "case.notice_retried",
        Words(_("Notice to be sent again"), _("the notice is to be sent again"), Icon.MAIL),
    )
    CASE_NOTICED = (
        "case.noticed",
        Words(_("Notice sent"), _("warned by e-mail; access is kept until %(promised)s at least"), Icon.MAIL),
    )
    CASE_REFUSED = (
        "case.refused",
        Words(
            _("Revocation refused"),
            _("the workspace refused to revoke it: %(error)s"),
            news=Headline(2, _("%(count)d revocations were refused by the workspace")),
        ),
    )
    CASE_RELEASED = ("case.released", Words(_("Put back"), _("put back in the queue: %(why)s%(error)s")))
    CASE_REMINDED = ("case.reminded", Words(_("Reminder sent"), _("reminded by e-mail"), Icon.MAIL))
    CASE_REMINDER_REFUSED = (
        "case.reminder_refused",
        Words(_("Reminder refused"), _("a reminder could not be delivered: %(why)s"), address_failed=True),
    )
    CASE_REVOKED = ("case.revoked", Words(_("Revoked"), _("access revoked"), Icon.REVOKED))
    CASE_SPARED = ("case.spared", Words(_("Spared"), _("spared: %(why)s"), Icon.SPARED))
    CASE_STILL_THERE = (
        "case.still_there",
        Words(_("Revocation without effect"), _("the revocation had no effect; it is looked at anew")),
    )
    CASE_TURNED_AWAY = (
        "case.turned_away",
        Words(_("Access refused"), _("the workspace refused access, and it is due again: %(error)s")),
    )
    CASE_UNDELIVERABLE = (
        "case.undeliverable",
        Words(
            _("Notice undeliverable"),
            _("could not be warned: %(why)s"),
            address_failed=True,
            news=Headline(2, _("%(count)d warnings could not be delivered; say how to go on")),
        ),
    )
    CASE_UNKNOWN = (
        "case.unknown",
        Words(
            _("Outcome unknown"),
            _("the outcome of the revocation is unknown: %(why)s%(error)s"),
            news=Headline(2, _("the outcome of %(count)d revocations was unknown for a while")),
        ),
    )
    CASE_WOULD_REVOKE = (
        "case.would_revoke",
        Words(_("Would be revoked"), _("passed every check; nothing was sent, as this is a dry run")),
    )
    CHECKPOINT_FAILED = (
        "checkpoint.failed",
        Words(
            _("Checkpoint failed"),
            _("held everything: the database does not agree with its checkpoint"),
            variants={
                "database_behind": _(
                    "held everything: the database ends at entry %(newest)s, its checkpoint on %(host)s at %(number)s"
                ),
                "database_rewritten": _(
                    "held everything: entry %(number)s is not the one of the checkpoint on %(host)s"
                ),
                "checkpoint_missing": _("%(host)s has no checkpoint, and acts on nothing"),
                "checkpoint_unreadable": _("the checkpoint of %(host)s is damaged or was changed by hand"),
                "checkpoint_not_kept": _("%(host)s cannot write its checkpoint, and acts on nothing: %(error)s"),
            },
            news=Headline(0, _("everything is held, because the database does not agree with its checkpoint")),
        ),
    )
    CHECKPOINT_KEPT = (
        "checkpoint.kept",
        Words(_("Checkpoint written again"), _("%(host)s can write its checkpoint again")),
    )
    CHECKPOINT_RESET = (
        "checkpoint.reset",
        Words(_("Checkpoint reset"), _("accepted the database as it is: %(reason)s")),
    )
    CHECKPOINT_VOUCHED = (
        "checkpoint.vouched",
        Words(_("Host joined"), _("%(by)s vouches for the database, so that %(host)s may begin a checkpoint")),
    )
    CLEANUP_CANCELLED = ("cleanup.cancelled", Words(_("Clean-up cancelled"), _("cancelled the clean-up: %(reason)s")))
    CLEANUP_CLOSED = (
        "cleanup.closed",
        Words(
            _("Clean-up closed"),
            _("the clean-up closed, every case having ended"),
            news=Headline(3, _("clean-up %(number)s has ended")),
        ),
    )
    CLEANUP_CONFIRMED = ("cleanup.confirmed", Words(_("Clean-up confirmed"), _("confirmed the clean-up")))
    CLEANUP_EXPORTED = (
        "cleanup.exported",
        Words(_("Clean-up exported"), _("exported %(count)s cases of the clean-up")),
    )
    CLEANUP_HELD_BACK = (
        "cleanup.held_back",
        Words(_("Held back by the limit"), _("%(cases)s accounts beyond the limit were kept for this draft")),
    )
    CLEANUP_LAUNCHED = (
        "cleanup.launched",
        Words(
            _("Clean-up launched"),
            _("launched the clean-up with %(cases)s accounts"),
            news=Headline(1, _("clean-up %(number)s was launched by %(actor)s")),
        ),
    )
    CLEANUP_PAUSED = ("cleanup.paused", Words(_("Clean-up paused"), _("paused the clean-up: %(reason)s")))
    CLEANUP_RESUMED = ("cleanup.resumed", Words(_("Clean-up resumed"), _("resumed the clean-up: %(reason)s")))
    CLEANUP_STOPPED = (
        "cleanup.stopped",
        Words(
            _("Clean-up stopped"),
            _("the clean-up stopped by itself: %(why)s"),
            news=Headline(0, _("clean-up %(number)s stopped: %(why)s")),
        ),
    )
    DECISIONS_IMPORTED = (
        "decisions.imported",
        Words(
            _("Decisions imported"),
            _(
                "imported %(file)s: %(approve)s approved, %(exempt)s exempted, %(withdraw)s withdrawn, "
                "%(refused)s left out"
            ),
        ),
    )
    DIGEST_SENT = (
        "digest.sent",
        Words(_("Operator digest sent"), _("told %(recipients)s operators what happened"), Icon.MAIL),
    )
    EMAIL_TESTED = ("email.tested", Words(_("Test e-mail sent"), _("an e-mail was sent as a test"), Icon.MAIL))
    HOLD_PLACED = (
        "hold.placed",
        Words(
            _("Everything held"),
            _("held everything: %(reason)s"),
            news=Headline(0, _("%(actor)s held everything: %(reason)s")),
        ),
    )
    HOLD_RELEASED = (
        "hold.released",
        Words(
            _("Hold released"),
            _("released the hold: %(reason)s"),
            news=Headline(1, _("%(actor)s released the hold: %(reason)s")),
        ),
    )
    MAIL_RESUMED = (
        "mail.resumed",
        Words(
            _("E-mails leave again"),
            _("e-mails leave again"),
            Icon.MAIL,
            news=Headline(1, _("e-mails to people leave again")),
        ),
    )
    MAIL_STOPPED = (
        "mail.stopped",
        Words(
            _("E-mails stopped"),
            _("no e-mails leave: %(reply)s"),
            Icon.MAIL,
            news=Headline(0, _("e-mails to people stopped: %(why)s")),
        ),
    )
    POLICY_ADOPTED = (
        "policy.adopted",
        Words(_("Policy activated"), _("put version %(version)s of the policy in force: %(reason)s")),
    )
    ROLE_GRANTED = ("role.granted", Words(_("Role granted"), _("gave %(login)s the role %(role)s")))
    WORKSPACE_HOST_CHANGED = (
        "workspace.host_changed",
        Words(
            _("Host changed"),
            _("changed the host from %(from)s to %(to)s; %(found)s of %(accounts)s accounts were found there"),
        ),
    )
    WORKSPACE_LANGUAGE_SET = (
        "workspace.language_set",
        Words(_("Language of e-mails changed"), _("the language of e-mails was changed")),
    )
    WORKSPACE_MODE_SET = (
        "workspace.mode_set",
        Words(_("Mode changed"), _("switched the workspace from %(from)s to %(to)s")),
    )
    WORKSPACE_OPENED = ("workspace.opened", Words(_("Workspace opened"), _("opened the workspace")))
    WORKSPACE_RENAMED = (
        "workspace.renamed",
        Words(_("Workspace renamed"), _("renamed the workspace from %(from)s to %(to)s")),
    )
    WORKSPACE_SYNC_STOPPED = (
        "workspace.sync_stopped",
        Words(_("Sync stopped"), _("stopped the sync that was running")),
    )
    WORKSPACE_SYNCED = (
        "workspace.synced",
        Words(
            _("Synced"),
            _("sync %(state)s: %(read)s accounts read, %(added)s new, %(changed)s changed"),
            news=Headline(1, _("%(count)d syncs were not complete")),
        ),
    )

    def __new__(cls, code: str, words: Words) -> Self:
        member = str.__new__(cls, code)
        member._value_, member.words = code, words
        return member

    @property
    def group(self) -> Topic:
        return Topic(self.value.partition(".")[0])  # type: ignore[call-arg]

    @property
    def icon(self) -> Icon:
        """The one it has of its own, or that of its kind."""
        by_kind = {Icon.DECISION: self.words.decision, Icon.MAIL: self.words.address_failed}
        by_kind[Icon.HOLD] = self.group in (Topic.HOLD, Topic.CHECKPOINT)
        return self.words.icon or next((icon for icon, fits in by_kind.items() if fits), Icon.ACT)

    @property
    def personal(self) -> frozenset[str]:
        """The names of the details that are kept beside the chain."""
        return PERSONAL | {"why"} if self.words.address_failed else PERSONAL


DECISIONS = tuple(event for event in Event if event.words.decision)
"""The decisions of reviewers on an account."""


def named(code: str) -> Event:
    """The event of a code. Raises ``ValueError`` for one that this version does not know."""
    return Event(code)  # type: ignore[call-arg]
