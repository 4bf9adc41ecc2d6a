"""Asked anew: whoever is about to do what could harm many first proves that they are who signed in.

A session cookie alone is not enough for it. What was filled in is kept in the session meanwhile and offered again
afterwards; it is sent by the person's own click, so that nothing changes by being looked at.
"""

from __future__ import annotations

from time import time
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise

KEPT = "kept_form"
NOT_KEPT = frozenset({"csrfmiddlewaretoken", "key"})
"""An API key is entered again: sessions lie in the database as they are."""
LARGEST = 200_000
"""Characters: what is longer is not kept, and has to be filled in again."""


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person signed in, or was asked anew, within ``REAUTHENTICATE_AFTER_SECONDS``."""
    age = time() - proven_at(request)
    return 0 <= age < settings.REAUTHENTICATE_AFTER_SECONDS


def proven_at(request: HttpRequest) -> float:
    """When the person last proved who they are in this session, in seconds since 1970; 0 where nothing is known.

    Of somebody with a second factor the password alone proves nothing.
    """
    user = cast(User, request.user)
    records, has_factor = get_authentication_records(request, user), is_mfa_enabled(user)
    return max((float(record["at"]) for record in records if record["method"] == "mfa" or not has_factor), default=0.0)


def ask(request: HttpRequest, what: str | Promise) -> HttpResponse:
    """Keep what was sent, and lead to the page that asks who is there. ``what`` names the act, as a button would."""
    keep(request, what, owner=request.user.pk)
    url = question(request)
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return redirect(url)


def keep(request: HttpRequest, what: str | Promise, *, owner: int | None) -> None:
    """Keep what was sent in the session, for its ``owner`` alone."""
    fields = [[name, values] for name, values in request.POST.lists() if name not in NOT_KEPT]
    is_short = sum(len(value) for _name, values in fields for value in values) < LARGEST
    kept = {"to": request.get_full_path(), "fields": fields if is_short else [], "what": str(what)}
    request.session[KEPT] = kept | {"back": _page_of(request), "owner": owner}


def question(request: HttpRequest) -> str:
    """The address of the page that asks who is there, and leads on to what was kept."""
    page = "mfa_reauthenticate" if is_mfa_enabled(cast(User, request.user)) else "account_reauthenticate"
    return f"{reverse(page)}?{urlencode({'next': reverse('go_on')})}"


def kept(request: HttpRequest) -> dict[str, Any] | None:
    """What this person had sent before they were asked: ``to``, ``fields``, ``what`` and ``back``."""
    found: dict[str, Any] | None = request.session.get(KEPT)
    return found if found and found["owner"] == request.user.pk else None


def forget(request: HttpRequest) -> None:
    """Once it was sent again there is nothing to keep."""
    request.session.pop(KEPT, None)


def _page_of(request: HttpRequest) -> str:
    """The page that the form stood on, if it is one of ours."""
    parts = urlsplit(request.headers.get("Referer", ""))
    if parts.netloc != request.get_host() or not parts.path.startswith("/"):
        return reverse("home")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
