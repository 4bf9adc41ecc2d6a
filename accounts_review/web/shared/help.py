"""What a page is, in two sentences, for the question mark beside its title."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

OF_PAGE: dict[str, Promise] = {
    "overview": _("What can be done now, and what is coming. Every number leads to the accounts behind it."),
    "cleanups": _(
        "A clean-up is a batch of approved accounts: people are warned, the promised days pass, and each account gets "
        "a final check. Approvals gather in the draft until somebody launches it."
    ),
    "revoked": _(
        "Everyone whose access the portal removed, with who approved it and why. Invite people back from "
        "here, with the rights they had."
    ),
    "policy": _(
        "The policy says who counts as dormant, who is never touched, and how people are told. A change is previewed "
        "on every account before it comes into force, and every version is kept."
    ),
    "emails": _(
        "What people receive, in your words and in each language. The notice always contains its date and a link to "
        "answer."
    ),
    "audit": _(
        "Everything that was done, by whom and when; nothing in it can be changed. Verify it here, or download it "
        "and verify it elsewhere."
    ),
    "workspaces": _(
        "How each workspace is connected, when it was last read, and whether clean-ups there are real. A dry run does "
        "everything but send e-mails and remove access."
    ),
    "syncs": _(
        "A sync reads every account of the workspace, twice where it has many. One that looks wrong is quarantined "
        "until an administrator decides."
    ),
    "people": _("Who may sign in here, and what they may do. A role applies to one workspace or to all."),
}
"""By the name of the page's address."""
