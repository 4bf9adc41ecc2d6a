"""What a page is, in two sentences and a part of the guide, for the question mark beside its title."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts_review.web.shared.documents import anchor

GUIDE = "guide"


@dataclass(frozen=True, slots=True)
class Help:
    """Two sentences, and the part of the guide that says more: it is called what the menu calls the page."""

    heading: Promise
    text: Promise

    @property
    def url(self) -> str:
        return reverse("document", args=[GUIDE]) + f"#{anchor(str(self.heading))}"


OF_PAGE: dict[str, Help] = {
    "overview": Help(
        _("Overview"),
        _("What can be done now, and what is coming. Every number leads to the accounts behind it."),
    ),
    "review": Help(
        _("Review"),
        _(
            "The people who have not been active for longer than the policy allows. Approve the accounts to be "
            "removed, exempt those that stay, and launch the clean-up from the draft."
        ),
    ),
    "import": Help(
        _("Import decisions"),
        _(
            "Share the list as a spreadsheet, have colleagues fill in their decisions, and upload it again. Nothing "
            "is decided before you have seen what each row would do."
        ),
    ),
    "account": Help(
        _("Account"),
        _(
            "Everything the portal knows about one account, and why it is judged as it is. What was decided, sent "
            "and done is listed with its date."
        ),
    ),
    "backtest": Help(
        _("Back-test"),
        _(
            "Whom the policy would have called dormant on a day in the past, and how many of them came back "
            "since. It shows whether a limit is too short."
        ),
    ),
    "hold": Help(
        _("Hold"),
        _(
            "While something is held, no notices are sent and nobody is removed. Everyone with a role can hold, "
            "and only an administrator can release."
        ),
    ),
    "schedule": Help(
        _("Schedule"),
        _(
            "What the worker does by itself, and when it last did it. A run that failed or was missed is caught "
            "up by the next one."
        ),
    ),
    "cleanups": Help(
        _("Clean-ups"),
        _(
            "A clean-up is a batch of approved accounts: people are warned, the promised days pass, and each "
            "account gets a final check. Approvals gather in the draft until somebody launches it."
        ),
    ),
    "cleanup": Help(
        _("Clean-ups"),
        _(
            "What is planned or was done for each account of this clean-up, with the final check and the answer "
            "of the data portal. It can be exported, and printed as a report."
        ),
    ),
    "launch": Help(
        _("Clean-ups"),
        _(
            "Who is in this clean-up, when each thing happens, and what the checks found. Nothing leaves before "
            "you type the number of accounts and press the button."
        ),
    ),
    "case": Help(
        _("Clean-ups"),
        _(
            "One account in one clean-up: who decided on which evidence, what was sent, and how it ended. What "
            "can still be done about it is offered here."
        ),
    ),
    "settings": Help(
        _("Workspaces"),
        _(
            "What people are told about this workspace, and how the portal connects to it. A new address or key "
            "is tested before it is stored."
        ),
    ),
    "sync_page": Help(
        _("Syncs"),
        _(
            "What this sync read, what changed, and whether its numbers can be trusted. If they look wrong, "
            "nobody is removed because of them until an administrator decides."
        ),
    ),
    "policy_preview": Help(
        _("Policy"),
        _(
            "What a change of the policy would do to every account and to clean-ups under way. Nothing "
            "applies until somebody activates it."
        ),
    ),
    "what_if": Help(
        _("Policy"),
        _("How many accounts would be dormant under another limit. Nothing changes until the policy does."),
    ),
    "revoked": Help(
        _("Revoked"),
        _(
            "Everyone whose access the portal removed, with who approved it and why. Invite people back from "
            "here, with the rights they had."
        ),
    ),
    "policy": Help(
        _("Policy"),
        _(
            "The policy says who counts as dormant, who is never touched, and how people are told. A change is "
            "previewed on every account before it comes into force, and every version is kept."
        ),
    ),
    "emails": Help(
        _("E-mails"),
        _(
            "What people receive, in your words and in each language. The notice always contains its date and a "
            "link to answer."
        ),
    ),
    "audit": Help(
        _("Audit"),
        _(
            "Everything that was done, by whom and when; nothing in it can be changed. Verify it here, or "
            "download it and verify it elsewhere."
        ),
    ),
    "workspaces": Help(
        _("Workspaces"),
        _(
            "How each workspace is connected, when it was last read, and whether clean-ups there are real. A dry "
            "run does everything but send e-mails and remove access."
        ),
    ),
    "syncs": Help(
        _("Syncs"),
        _(
            "A sync reads every account of the workspace, twice where it has many. One that looks wrong is "
            "quarantined until an administrator decides."
        ),
    ),
    "people": Help(
        _("People"),
        _("Who may sign in here, and what they may do. A role applies to one workspace or to all."),
    ),
}
"""By the name of the page's address."""
