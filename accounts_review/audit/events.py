"""The registry of audit events: the one place where each has its code, name, sentence, icon and group.

Every writer passes an :class:`Event`, so that mypy finds whoever misspells one. A new event is one member here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts_review.audit.words import Headline, Icon, Topic, Words

PERSONAL = frozenset(
    {
        *("address", "address_before", "client", "email", "login", "owner", "recipient", "user_agent", "username"),
        *("approved_by", "error", "file", "filter", "first", "health", "holds", "mail", "problems", "proposed_by"),
        *("reason", "reply", "text", "texts", "why"),
    }
)
"""Details that tell of a person, or may, because people or servers wrote them: they are kept beside the chain, where
they can be erased, whatever the event."""


NOT_WRITTEN = {"failed": _("what was taken could not be written whole: %(error)s")}
"""Of what is taken: whoever did has little or nothing of it."""


class Event(StrEnum):
    """What can happen. The value is the code, which stands in ``AuditEntry.kind`` and in exports, and never changes."""

    words: Words
    group: Topic

    # A table, which the formatter would stretch to a line for each word.
    # fmt: off
    ACCOUNT_ANSWER_REFUSED = Words("account.answer_refused", _("Answer refused"), _("an answer was refused"),
        Icon.ANSWER)
    ACCOUNT_ANSWERED = Words("account.answered", _("Answered"), _("the person answered the notice"), Icon.ANSWER,
        variants={
            "away": _("the person is away until %(until)s"),
            "keep": _("the person asked to keep the access: %(text)s"),
            "leave": _("the person asked for the access to be removed now")})
    ACCOUNT_APPROVED = Words("account.approved", _("Approved"), _("approved for the next clean-up: %(reason)s"),
        decision=_("%(login)s approved it on %(at)s"),
        variants={"again": _("put back into the draft, as approved by %(approved_by)s: %(reason)s")})
    ACCOUNT_DATES_ACCEPTED = Words("account.dates_accepted", _("Dates accepted"),
        _("accepted dates that are earlier than before: %(reason)s"), Icon.DECISION)
    ACCOUNT_EXEMPTED = Words("account.exempted", _("Exempted"), _("exempted until %(until)s: %(reason)s"),
        decision=_("%(login)s exempted it on %(at)s"),
        variants={"service": _("kept as a service account until %(until)s; owner %(owner)s: %(reason)s")})
    ACCOUNT_EXEMPTION_WITHDRAWN = Words("account.exemption_withdrawn", _("Exemption ended"),
        _("exemption ended early: %(reason)s"), decision=_("%(login)s ended its exemption on %(at)s"))
    ACCOUNT_OWNER_TOLD = Words("account.owner_told", _("Owner notified"),
        _("reminded %(owner)s that the exemption ends on %(until)s"), Icon.MAIL)
    ACCOUNT_RESTORE_FAILED = Words("account.restore_failed", _("Invitation failed"),
        _("could not be invited back: %(error)s"), Icon.BACK, variants={
            "already_member": _("could not be invited back: it is a member again; the next sync will show it"),
            "maybe_sent": _("could not be invited back: %(error)s The invitation may have been sent; "
                "the next sync will show it.")})
    ACCOUNT_RESTORED = Words("account.restored", _("Invited back"),
        _("invited back with the rights recorded at the removal"), Icon.BACK, alert=True)
    ACCOUNT_RESTORING = Words("account.restoring", _("Invitation started"), _("is being invited back"), Icon.BACK)
    ACCOUNT_RETURNED = Words("account.returned", _("Came back"), _("is a member again"), Icon.BACK,
        variants={"same_membership": _(
            "is listed with the same joining date as before: the removal had no effect, or was undone")})
    ACCOUNT_SNOOZED = Words("account.snoozed", _("Snoozed"), _("snoozed: %(reason)s"),
        decision=_("%(login)s snoozed it on %(at)s"))
    ACCOUNT_UNSNOOZED = Words("account.unsnoozed", _("Snooze ended"), _("snooze ended: %(reason)s"),
        decision=_("%(login)s ended its snooze on %(at)s"))
    ACCOUNT_WITHDRAWN = Words("account.withdrawn", _("Decision withdrawn"), _("taken out of the clean-up: %(reason)s"),
        decision=_("%(login)s took it out of the clean-up on %(at)s"),
        variants={"exempted": _("taken out of the clean-up, because it was exempted: %(reason)s")})
    ACCOUNTS_EXPORTED = Words("accounts.exported", _("Accounts exported"),
        ngettext_lazy("exported %(count)s account", "exported %(count)s accounts", "count"), variants=NOT_WRITTEN)
    ALERT_SENT = Words("alert.sent", _("Administrators alerted"),
        ngettext_lazy("told %(recipients)s administrator at once",
            "told %(recipients)s administrators at once", "recipients"),
        Icon.MAIL)
    AUDIT_EXPORTED = Words("audit.exported", _("Audit exported"),
        ngettext_lazy("exported %(entries)s audit entry", "exported %(entries)s audit entries", "entries"),
        variants=NOT_WRITTEN)
    BREAKER_RESET = Words("breaker.reset", _("Breaker reset"), _("reset the breaker: %(reason)s"), alert=True)
    CASE_ALREADY_GONE = Words("case.already_gone", _("Already gone"), _("was already gone before the removal"),
        Icon.REVOKED)
    CASE_ADDRESS_CHANGED = Words("case.address_changed", _("Address changed"),
        _("the address changed to %(address)s; a new notice goes there"), Icon.MAIL)
    CASE_BOUNCED = Words("case.bounced", _("Notice bounced"), _("the notice bounced after the removal: %(why)s"),
        address_failed=True,
        news=Headline(2,
            ngettext_lazy("%(count)s notice bounced after the removal; check whether to invite this person back",
                "%(count)s notices bounced after the removal; check whether to invite these people back", "count")))
    CASE_CLAIMED = Words("case.claimed", _("Final check started"), _("final check started"))
    CASE_CLOSING_REFUSED = Words("case.closing_refused", _("Removal e-mail refused"),
        _("the removal e-mail could not be delivered: %(why)s"), address_failed=True)
    CASE_CLOSING_TOLD = Words("case.closing_told", _("Removal e-mail sent"), _("removal e-mail sent"), Icon.MAIL)
    CASE_DUE = Words("case.due", _("Notice period ended"), _("the notice period ended"))
    CASE_HELD_FOR_A_DAY = Words("case.held_for_a_day", _("On hold for a day"),
        _("on hold for more than a day: %(why)s"),
        news=Headline(1,
            ngettext_lazy("%(count)s account has been on hold for a day and needs a check",
                "%(count)s accounts have been on hold for a day and need a check", "count")))
    CASE_HELD = Words("case.held", _("On hold"), _("not revoked yet: %(why)s"))
    CASE_INTENDED = Words("case.intended", _("Removal started"), _("passed every check; removal starts"))
    CASE_LAUNCHED = Words("case.launched", _("Included in the launch"), _("included in the launch"))
    CASE_KEPT_REFUSED = Words("case.kept_refused", _("“You keep your access” refused"),
        _("the e-mail that the access is kept could not be delivered: %(why)s"), address_failed=True)
    CASE_KEPT_TOLD = Words("case.kept_told", _("“You keep your access” sent"),
        _("told by e-mail that the access is kept"), Icon.MAIL)
    CASE_NOTICE_RETRIED = Words("case.notice_retried", _("Notice will be sent again"),
        _("the notice will be sent again"), Icon.MAIL)
    CASE_NOTICED = Words("case.noticed", _("Notice sent"),
        _("warned by e-mail; access is kept at least until %(promised)s"), Icon.MAIL)
    CASE_REFUSED = Words("case.refused", _("Removal refused"), _("the workspace refused the removal: %(error)s"),
        news=Headline(2,
            ngettext_lazy("the workspace refused %(count)s removal",
                "the workspace refused %(count)s removals", "count")))
    CASE_RELEASED = Words("case.released", _("Put back"), _("put back in the queue: %(why)s%(error)s"))
    CASE_REMINDED = Words("case.reminded", _("Reminder sent"), _("reminded by e-mail"), Icon.MAIL)
    CASE_REMINDER_REFUSED = Words("case.reminder_refused", _("Reminder refused"),
        _("a reminder could not be delivered: %(why)s"), address_failed=True)
    CASE_REVOKED = Words("case.revoked", _("Access revoked"), _("access revoked"), Icon.REVOKED,
        variants={"by_hand": _("recorded as revoked after looking in Huwise: %(reason)s")})
    CASE_SPARED = Words("case.spared", _("Account spared"), _("spared: %(why)s"), Icon.SPARED)
    CASE_STILL_THERE = Words("case.still_there", _("Removal without effect"),
        _("the removal had no effect; the account is still there"),
        variants={"by_hand": _("it is still there in Huwise: %(reason)s")})
    CASE_TURNED_AWAY = Words("case.turned_away", _("Request refused"),
        _("the workspace refused our request; it will be tried again: %(error)s"))
    CASE_UNDELIVERABLE = Words("case.undeliverable", _("Notice undeliverable"), _("could not be warned: %(why)s"),
        address_failed=True, news=Headline(2,
            ngettext_lazy("%(count)s notice could not be delivered; decide what to do",
                "%(count)s notices could not be delivered; decide what to do", "count")))
    CASE_UNKNOWN = Words("case.unknown", _("Outcome unknown"),
        _("the outcome of the removal is unknown: %(why)s%(error)s"),
        news=Headline(2,
            ngettext_lazy("the outcome of %(count)s removal was unknown for a while",
                "the outcome of %(count)s removals was unknown for a while", "count")))
    CASE_WOULD_REVOKE = Words("case.would_revoke", _("Would be revoked"),
        _("passed every check; dry run, so nothing was sent"))
    CHECKPOINT_FAILED = Words("checkpoint.failed", _("Checkpoint failed"),
        _("held everything: the database does not match its checkpoint"),
        variants={
            "database_behind":
                _("held everything: the database ends at entry %(newest)s, its checkpoint on %(host)s at %(number)s"),
            "database_rewritten": _("held everything: entry %(number)s does not match the checkpoint on %(host)s"),
            "audit_flawed": _("held everything: the audit failed verification; %(first)s"),
            "checkpoint_missing": _("%(host)s has no checkpoint; its worker is stopped"),
            "checkpoint_unreadable": _("the checkpoint of %(host)s is damaged or was changed by hand"),
            "checkpoint_not_kept": _("%(host)s cannot write its checkpoint; its worker is stopped: %(error)s")},
        news=Headline(0, _("everything is held: the database does not match its checkpoint")))
    CHECKPOINT_KEPT = Words("checkpoint.kept", _("Checkpoint written again"),
        _("%(host)s can write its checkpoint again"))
    CHECKPOINT_RESET = Words("checkpoint.reset", _("Checkpoint reset"), _("accepted the database as it is: %(reason)s"),
        alert=True)
    CHECKPOINT_VOUCHED = Words("checkpoint.vouched", _("Host joined"),
        _("%(by)s confirmed the database, so %(host)s can start a checkpoint"))
    CLEANUP_CANCELLED = Words("cleanup.cancelled", _("Clean-up cancelled"), _("cancelled the clean-up: %(reason)s"))
    CLEANUP_CLOSED = Words("cleanup.closed", _("Clean-up closed"), _("every case has ended; the clean-up is closed"),
        news=Headline(3, _("clean-up %(number)s has ended")))
    CLEANUP_CONFIRMED = Words("cleanup.confirmed", _("Clean-up confirmed"), _("confirmed the clean-up"), alert=True)
    CLEANUP_EXPORTED = Words("cleanup.exported", _("Clean-up exported"),
        ngettext_lazy("exported %(count)s case of the clean-up", "exported %(count)s cases of the clean-up", "count"))
    CLEANUP_HELD_BACK = Words("cleanup.held_back", _("Held back by the limit"),
        ngettext_lazy("%(cases)s account over the limit stayed in this draft",
            "%(cases)s accounts over the limit stayed in this draft", "cases"))
    CLEANUP_LAUNCHED = Words("cleanup.launched", _("Clean-up launched"),
        ngettext_lazy("launched the clean-up with %(cases)s account",
            "launched the clean-up with %(cases)s accounts", "cases"),
        news=Headline(1, _("clean-up %(number)s was launched by %(actor)s")), alert=True)
    CLEANUP_PAUSED = Words("cleanup.paused", _("Clean-up paused"), _("paused the clean-up: %(reason)s"))
    CLEANUP_CONFIRMATION_ASKED = Words("cleanup.confirmation_asked", _("Confirmation requested"),
        ngettext_lazy("asked %(recipients)s person by e-mail to confirm the launch",
            "asked %(recipients)s people by e-mail to confirm the launch", "recipients"),
        Icon.MAIL)
    CLEANUP_REMINDED = Words("cleanup.reminded", _("Confirmation reminder"),
        _("sent a reminder to those who can confirm the launch"))
    CLEANUP_RESUMED = Words("cleanup.resumed", _("Clean-up resumed"), _("resumed the clean-up: %(reason)s"), alert=True)
    CLEANUP_STOPPED = Words("cleanup.stopped", _("Clean-up paused automatically"),
        _("the clean-up paused automatically: %(why)s"), news=Headline(0, _("clean-up %(number)s is paused: %(why)s")))
    DECISIONS_CONFIRMED = Words("decisions.confirmed", _("Bulk decision confirmed"),
        ngettext_lazy("confirmed a decision on %(count)s account: %(reason)s",
            "confirmed a decision on %(count)s accounts: %(reason)s", "count"),
        variants={
            "approve": ngettext_lazy("confirmed the approval of %(count)s account: %(reason)s",
                "confirmed the approval of %(count)s accounts: %(reason)s", "count"),
            "exempt": ngettext_lazy("confirmed the exemption of %(count)s account: %(reason)s",
                "confirmed the exemption of %(count)s accounts: %(reason)s", "count"),
            "again": _("confirmed again a decision that had stopped")})
    DECISIONS_ENDED = Words("decisions.ended", _("Bulk decision ended"),
        ngettext_lazy("a bulk decision ended: %(decided)s account decided, %(skipped)s skipped",
            "a bulk decision ended: %(decided)s accounts decided, %(skipped)s skipped", "decided"),
        variants={
            "cancelled": ngettext_lazy("cancelled a bulk decision after %(decided)s account",
                "cancelled a bulk decision after %(decided)s accounts", "decided")})
    DECISIONS_IMPORTED = Words("decisions.imported", _("Decisions imported"),
        _("imported %(file)s: %(approve)s approved, %(exempt)s exempted, %(withdraw)s withdrawn, %(refused)s left out"))
    DIGEST_SENT = Words("digest.sent", _("Operator digest sent"),
        ngettext_lazy("e-mailed %(recipients)s operator what happened",
            "e-mailed %(recipients)s operators what happened", "recipients"),
        Icon.MAIL)
    EMAIL_TESTED = Words("email.tested", _("Test e-mail sent"), _("a test e-mail was sent"), Icon.MAIL)
    HOLD_PLACED = Words("hold.placed", _("Everything held"), _("held everything: %(reason)s"),
        news=Headline(0, _("%(actor)s held everything: %(reason)s")))
    HOLD_RELEASED = Words("hold.released", _("Hold released"), _("released the hold: %(reason)s"),
        news=Headline(3, _("%(actor)s released the hold: %(reason)s")), alert=True)
    MAIL_RESUMED = Words("mail.resumed", _("E-mails resumed"), _("e-mails are being sent again"), Icon.MAIL,
        news=Headline(3, _("e-mails to people are being sent again")))
    MAIL_STOPPED = Words("mail.stopped", _("E-mails stopped"), _("no e-mails are being sent: %(reply)s"), Icon.MAIL,
        news=Headline(0, _("e-mails to people stopped: %(why)s")))
    PERSON_ADDED = Words("person.added", _("Person added"), _("added %(login)s (%(email)s) with the role %(role)s"))
    PERSON_DEACTIVATED = Words("person.deactivated", _("Person deactivated"),
        _("deactivated %(login)s; the role before was %(before)s"))
    PERSON_EMAIL_CHANGED = Words("person.email_changed", _("E-mail address changed"),
        _("changed the address of %(login)s from %(address_before)s to %(address)s"))
    PERSON_ERASED = Words("person.erased", _("Personal data erased"),
        _("erased the personal data of an account that is gone: %(reason)s"), variants={
            "retention": _("erased the personal data of an account that is gone, because its retention period "
                "had ended"),
            "clients": _("deleted old sign-in addresses (%(count)s entries)")})
    PERSON_INVITED = Words("person.invited", _("Person invited again"),
        _("sent %(login)s (%(email)s) another link to set a password"))
    PERSON_TOLD = Words("person.told", _("People notified"),
        ngettext_lazy("told %(recipients)s person by e-mail what was changed about a person",
            "told %(recipients)s people by e-mail what was changed about a person", "recipients"), Icon.MAIL)
    PERSON_UNLINKED = Words("person.unlinked", _("Sign-in unlinked"),
        _("unlinked %(login)s from their identity at the sign-in provider: %(provider)s"))
    PERSON_REPORTED = Words("person.reported", _("Access report written"),
        _("wrote a report of the data held about the person"), variants=NOT_WRITTEN)
    PERSON_PASSWORD_SET = Words("person.password_set", _("Password set"), _("set a new password for %(login)s"))
    PERSON_SIGNED_OUT = Words("person.signed_out", _("Person signed out"), _("signed %(login)s out everywhere"))
    POLICY_AGREED = Words("policy.agreed", _("Looser policy proposed"),
        _("agreed to a looser policy, which another administrator has to confirm: %(reason)s"),
        news=Headline(1, _("%(actor)s proposed a looser policy; another administrator has to confirm it")), alert=True)
    POLICY_ADOPTED = Words("policy.adopted", _("Policy activated"),
        _("activated version %(version)s of the policy: %(reason)s"), alert=True,
        variants={"confirmed": _(
            "activated version %(version)s of the policy, proposed by %(proposed_by)s: %(reason)s")})
    WORKSPACE_ADDED = Words("workspace.added", _("Workspace added"), _("added the workspace at %(host)s"),
        news=Headline(3, _("%(actor)s added the workspace")), alert=True)
    WORKSPACE_CONNECTION_CHANGED = Words("workspace.connection_changed", _("Connection changed"),
        _("stored another API key for %(host)s"), news=Headline(3, _("%(actor)s stored another API key")), alert=True)
    WORKSPACE_DESCRIBED = Words("workspace.described", _("Settings changed"),
        _("changed the settings of the workspace: %(fields)s"))
    ROLE_GRANTED = Words("role.granted", _("Role changed"),
        _("changed the role of %(login)s from %(before)s to %(role)s"),
        variants={"portal": _("changed the role of %(login)s in the whole portal from %(before)s to %(role)s"),
            "groups": _("the groups at %(provider)s changed the role of %(login)s from %(before)s to %(role)s")})
    SIGNIN_DONE = Words("signin.done", _("Signed in"), _("signed in"),
        variants={"provider": _("signed in with %(provider)s")})
    SIGNIN_LINKED = Words("signin.linked", _("Sign-in linked"),
        _("linked this login to an identity at %(provider)s"), alert=True,
        variants={"by_address": _("linked this login to the identity at %(provider)s with the address %(address)s")})
    SIGNIN_FAILED = Words("signin.failed", _("Sign-in failed"),
        _("someone failed to sign in; more tries from there within an hour are not recorded"))
    SIGNIN_PASSWORD_CHANGED = Words("signin.password_changed", _("Password changed"), _("changed their password"))
    SIGNIN_PASSWORD_RESET = Words("signin.password_reset", _("Password reset"),
        _("chose a new password by a link from an e-mail"))
    SIGNIN_FACTOR_ADDED = Words("signin.factor_added", _("Second factor added"), _("added a second factor"),
        variants={"codes": _("made recovery codes")})
    SIGNIN_FACTOR_REMOVED = Words("signin.factor_removed", _("Second factor removed"), _("removed a second factor"),
        variants={"lost": _("removed the lost second factors of %(login)s"), "codes": _("removed the recovery codes")},
        alert=True)
    SIGNIN_CODES_RENEWED = Words("signin.codes_renewed", _("Recovery codes renewed"), _("renewed the recovery codes"))
    WORKSPACE_EMAILS_CHANGED = Words("workspace.emails_changed", _("E-mails changed"),
        _("changed the text of the e-mails: %(email)s %(fields)s (%(language)s)"), alert=True)
    WORKSPACE_HOST_CHANGED = Words("workspace.host_changed", _("Host changed"),
        _("changed the host from %(from)s to %(to)s; %(found)s of %(accounts)s accounts found there"), alert=True)
    WORKSPACE_LANGUAGE_SET = Words("workspace.language_set", _("Language of e-mails changed"),
        _("the language of e-mails was changed"))
    WORKSPACE_MODE_SET = Words("workspace.mode_set", _("Mode changed"),
        _("switched the workspace from %(from)s to %(to)s"), alert=True)
    WORKSPACE_OPENED = Words("workspace.opened", _("Workspace opened"), _("opened the workspace"))
    WORKSPACE_PAUSED = Words("workspace.paused", _("Workspace paused"), _("paused the workspace: %(reason)s"),
        news=Headline(1, _("%(actor)s paused the workspace: %(reason)s")))
    WORKSPACE_RENAMED = Words("workspace.renamed", _("Workspace renamed"),
        _("renamed the workspace from %(from)s to %(to)s"))
    WORKSPACE_RESUMED = Words("workspace.resumed", _("Workspace resumed"), _("resumed the workspace: %(reason)s"))
    WORKSPACE_RETIRED = Words("workspace.retired", _("Workspace retired"),
        _("retired the workspace, and deleted its API key: %(reason)s"))
    WORKSPACE_SYNC_STOPPED = Words("workspace.sync_stopped", _("Sync stopped"), _("stopped the running sync"))
    WORKSPACE_SYNCED = Words("workspace.synced", _("Synced"),
        _("sync %(state)s: %(read)s accounts read, %(added)s new, %(changed)s changed"),
        news=Headline(1, ngettext_lazy("%(count)s sync was incomplete", "%(count)s syncs were incomplete", "count")))
    # fmt: on

    def __new__(cls, words: Words) -> Self:
        member = str.__new__(cls, words.code)
        member._value_, member.words = words.code, words
        member.group = Topic(words.code.partition(".")[0])  # type: ignore[call-arg]
        return member

    @property
    def icon(self) -> Icon:
        """The one it has of its own, or that of its kind."""
        by_kind = {Icon.DECISION: self.words.decision, Icon.MAIL: self.words.address_failed}
        by_kind[Icon.HOLD] = self.group in (Topic.HOLD, Topic.CHECKPOINT)
        return self.words.icon or next((icon for icon, fits in by_kind.items() if fits), Icon.ACT)


DECISIONS = tuple(event for event in Event if event.words.decision)
"""The decisions of reviewers on an account."""


def named(code: str) -> Event:
    """The event of a code. Raises ``ValueError`` for one that this version does not know."""
    return Event(code)  # type: ignore[arg-type]
