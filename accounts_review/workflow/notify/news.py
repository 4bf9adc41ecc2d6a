"""News to the people of the portal, composed once for all who get them, from ``templates/emails/<kind>/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import get_language

from accounts_review.models import Workspace
from accounts_review.workflow.notify.emails import one_line

LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An e-mail without its recipient."""

    subject: str
    text: str
    html: str

    def to(self, address: str) -> EmailMessage:
        message = EmailMultiAlternatives(subject=self.subject, body=self.text, to=[address])
        message.attach_alternative(self.html, "text/html")
        return message


def news(kind: str, context: Mapping[str, Any], *, subject: str, workspace: Workspace) -> News:
    """One kind of e-mail about a workspace, in the language that is active."""
    values = {
        "workspace": workspace,
        "host": workspace.shown_name,
        "language": get_language() or workspace.language,
        "contact": workspace.contact or settings.EMAIL_CONTACT,
    } | dict(context)
    return News(
        subject=one_line(subject, longest=LONGEST_SUBJECT),
        text=render_to_string(f"emails/{kind}/body.txt", values),
        html=render_to_string(f"emails/{kind}/body.html", values).strip(),
    )
