"""Roles in words, as they stand within a sentence."""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts_review.models import Role


def said(role: str) -> str:
    """A role by its code; also where somebody has none, or passes every check."""
    if role in Role.Name.values:
        return str(Role.Name(role).label).lower()
    return {"none": _("no role"), "superuser": _("superuser")}.get(role, role)
