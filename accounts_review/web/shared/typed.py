"""What somebody filled in for an act that was refused, kept for the page that leads there again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

TYPED = "typed"


def keep(request: HttpRequest, form: str, **fields: Any) -> None:
    """Keep these fields of a form in the session, in place of what was kept before."""
    request.session[TYPED] = {"form": form, **fields}


def taken(request: HttpRequest, form: str) -> dict[str, Any]:
    """What was kept of this form, once; nothing of another, which is dropped."""
    kept: dict[str, Any] = request.session.pop(TYPED, {})
    return kept if kept.get("form") == form else {}
