"""Asked anew: whoever is about to do what could harm many first proves that they are who signed in.

A session cookie alone is not enough for it. What was filled in is kept in the session meanwhile and offered again
afterwards; it is sent by the person's own click, so that nothing changes by being looked at.
"""

from __future__ import annotations

import re
from time import time
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise

KEPT = "kept_form"
SECRET = re.compile(r"passw|csrf|secret|credential|key$|code|token", re.IGNORECASE)
"""Fields that are entered again, here and in ``drafts.js``: sessions lie in the database as they are."""
SIGN_IN = "accounts/"
"""Below it people prove who they are; nothing that is sent there is kept."""
LARGEST = 200_000
"""Characters: what is longer is not kept, and has to be filled in again."""


def is_fresh(request: HttpRequest, *, to_enrol: bool = False) -> bool:
    """Whether the person signed in, or was asked anew, within ``REAUTHENTICATE_AFTER_SECONDS``.

    ``to_enrol``: also by a provider that does not say when they proved to it who they are; that sets up a second
    factor and does nothing else.
    """
    age = time() - proven_at(request, to_enrol=to_enrol)
    return 0 <= age < settings.REAUTHENTICATE_AFTER_SECONDS


def proven_at(request: HttpRequest, *, to_enrol: bool = False) -> float:
    """When the person last proved who they are in this session, in seconds since 1970; 0 where nothing is known.

    Of somebody with a second factor, or who has to have one, the password alone proves nothing. A provider proves it
    at the moment that it names.
    """
    user = cast(User, request.user)
    counting = {"mfa"}
    if not is_mfa_enabled(user):
        counting |= {"socialaccount"} | ({"password"} if may_use_password(user) else set())
    records = [record for record in get_authentication_records(request, user) if record["method"] in counting]
    proofs = [
        record
        for record in records
        if record["method"] != "socialaccount" or record.get("reauthenticated") or (to_enrol and record.get("enrols"))
    ]
    return max((float(record["at"]) for record in proofs), default=0.0)


def may_use_password(user: User) -> bool:
    """Whether the installation lets somebody sign in by a password, and they have one."""
    return user.has_usable_password() and settings.PASSWORDS_ONLY_FOR in ("", user.get_username())


def may_set_password(user: User) -> bool:
    """Whether somebody may choose a password: not where it would lead around the provider that they sign in by."""
    is_left_to_them = settings.PASSWORDS_ONLY_FOR in ("", user.get_username())
    return is_left_to_them and (user.has_usable_password() or not providers_of(user))


def every_provider() -> list[dict[str, str]]:
    """The providers that one can sign in by, as their buttons show them."""
    return [{"id": known["provider_id"], "label": known["name"]} for known in settings.OIDC]


def providers_that_give_roles(user: User) -> list[str]:
    """The names of a person's providers whose groups give them their roles at each sign-in."""
    giving = {known["provider_id"] for known in settings.OIDC if known["settings"]["roles"]}
    return [provider["label"] for provider in providers_of(user) if provider["id"] in giving]


def providers_of(user: User) -> list[dict[str, str]]:
    """The providers that a person's login is linked to, and that are in use."""
    linked = {account.provider for account in user.socialaccount_set.all()}  # type: ignore[attr-defined]
    return [provider for provider in every_provider() if provider["id"] in linked]


def ask(request: HttpRequest, what: str | Promise, *, whom: str = "") -> HttpResponse:
    """Keep what was sent, and lead to the page that asks who is there.

    ``what`` names the act, as a button would, and ``whom`` the account or the login that it concerns.
    """
    keep(request, what, whom=whom, owner=request.user.pk)
    url = question(request)
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return redirect(url)


def keep(request: HttpRequest, what: str | Promise, *, whom: str = "", owner: int | None) -> bool:
    """Keep what was sent in the session, for its ``owner`` alone; nothing secret, and nothing of the sign-in's pages.

    Returns whether it was kept.
    """
    if request.resolver_match is None or request.resolver_match.route.startswith(SIGN_IN):
        return False
    fields = [[name, values] for name, values in request.POST.lists() if not SECRET.search(name)]
    is_short = sum(len(value) for _name, values in fields for value in values) < LARGEST
    kept = {"to": request.get_full_path(), "fields": fields if is_short else [], "what": str(what)}
    place = {name: str(value) for name, value in request.resolver_match.kwargs.items()}
    at = {"page": request.resolver_match.url_name, "place": place, "back": _page_of(request)}
    request.session[KEPT] = kept | at | {"whom": whom, "owner": owner}
    return True


def question(request: HttpRequest, *, to: str = "") -> str:
    """The address of the page that asks who is there, and leads on to a page, or to what was kept."""
    ways = get_adapter().get_reauthentication_methods(request.user)
    page = ways[0]["url"] if ways else reverse("account_prove")
    return f"{page}?{urlencode({'next': to or reverse('go_on')})}"


def kept(request: HttpRequest) -> dict[str, Any] | None:
    """What this person had sent before they were asked.

    ``to`` and ``fields``, ``what`` and ``whom``, the ``place`` that the address names, and the page to go ``back`` to.
    """
    found: dict[str, Any] | None = request.session.get(KEPT)
    return found if found and found["owner"] == request.user.pk else None


def forget(request: HttpRequest) -> None:
    """Once it was sent again there is nothing to keep."""
    if request.session.pop(KEPT, None):
        # Now: whoever is erased next is looked for in what sessions keep, which would end this one.
        request.session.save()


def _page_of(request: HttpRequest) -> str:
    """The page that the form stood on, if it is one of ours."""
    parts = urlsplit(request.headers.get("Referer", ""))
    if parts.netloc != request.get_host() or not parts.path.startswith("/"):
        return reverse("home")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
