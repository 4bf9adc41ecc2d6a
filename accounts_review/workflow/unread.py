"""Unread: whether the e-mails of a workspace reach nobody, so that a notice would be none."""

from __future__ import annotations

from django.conf import settings

from accounts_review.huwise.address import is_pretend
from accounts_review.models import Workspace

UNREAD = {
    "cleanup_portal.mail_files.FileBackend",
    *(f"django.core.mail.backends.{name}.EmailBackend" for name in ("console", "dummy", "filebased", "locmem")),
}


def is_unread() -> bool:
    """Whether e-mails reach nobody, as is usual until a mail server is set: they are written to files, to the console,
    or nowhere."""
    return settings.EMAIL_BACKEND in UNREAD


def warns_nobody(workspace: Workspace) -> bool:
    """Whether people of a workspace would lose their access without having read of it.

    Nobody reads the e-mails of a pretend workspace either way.
    """
    return workspace.is_live and is_unread() and not is_pretend(workspace.host)
