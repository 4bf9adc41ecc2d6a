"""A portal without accounts yet: is the address right, is the key strong enough, can e-mails leave?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts_review.models import ConnectionCheck, Workspace
from accounts_review.wording import findings, objections
from accounts_review.workflow.unread import is_unread

OF_ADDRESS = frozenset({"reach", "host", "api", "clock", "clock_skewed", "clock_unsaid", "not_checked"})
"""Codes of what a connection check finds about the address; all others are about the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCheck:
    """One thing that has to be right before the first sync, how it stands, and what to do about it."""

    title: str
    state: str
    """``good``, ``bad`` or ``open`` where nobody has looked yet."""
    said: list[str]
    cures: list[str] = field(default_factory=list)
    link: str = ""
    url: str = ""


def first_checks(workspace: Workspace, *, last: ConnectionCheck | None, is_described: bool) -> list[FirstCheck]:
    """The address, the key and the mail, in the order in which they are put right."""
    found = [findings.in_words(each) for each in last.findings] if last else []
    address = [each for each in found if each.code in OF_ADDRESS]
    return [
        _check(_("The address"), address, workspace, is_described=is_described),
        _check(_("The API key"), [each for each in found if each not in address], workspace, is_described=is_described),
        _mail(workspace),
    ]


def _check(title: str, found: list[findings.Finding], workspace: Workspace, *, is_described: bool) -> FirstCheck:
    to_settings: dict[str, Any] = {
        "link": _("Open the settings"),
        "url": reverse("settings", kwargs={"workspace": workspace.name}),
    }
    if not is_described:
        sentence = _("No workspace is connected.")
        cure = _("Set HUWISE_URL and HUWISE_API_KEY and start the portal again, or enter both in the settings.")
        return FirstCheck(title=title, state="bad", said=[sentence], cures=[cure], **to_settings)
    if not found:
        return FirstCheck(title=title, state="open", said=[_("Not checked yet.")])
    bad = [each for each in found if not each.is_good]
    if bad:
        cures = [each.remedy for each in bad if each.remedy]
        return FirstCheck(title=title, state="bad", said=[each.said for each in bad], cures=cures, **to_settings)
    return FirstCheck(title=title, state="good", said=[each.said for each in found])


def _mail(workspace: Workspace) -> FirstCheck:
    title = _("E-mail")
    page: dict[str, Any] = {
        "link": _("Send yourself a test"),
        "url": reverse("emails", kwargs={"workspace": workspace.name}),
    }
    if stop := workspace.mail_stopped:
        sentence = objections.mail_stop(stop["code"], stop["reply"])
        return FirstCheck(title=title, state="bad", said=[sentence], **page)
    if is_unread():
        sentence = _("No mail server is set up, so e-mails reach nobody.")
        cure = _("Set EMAIL_URL to your mail server before the first live clean-up. A dry run needs none.")
        return FirstCheck(title=title, state="bad", said=[sentence], cures=[cure], **page)
    sentence = _("A mail server is set up. A test shows whether it takes e-mails.")
    return FirstCheck(title=title, state="open", said=[sentence], **page)
