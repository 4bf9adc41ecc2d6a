"""The addresses of allauth: only those that serve; every other one answers as if it were not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from allauth.account import urls as account
from allauth.mfa import urls as mfa
from allauth.socialaccount import urls as socialaccount
from allauth.usersessions import urls as usersessions
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, include, path

from accounts_review.web.shared import anew
from accounts_review.web.signin.invitation import accept
from accounts_review.web.signin.login import sign_in
from accounts_review.web.signin.session import SessionLeft
from accounts_review.web.signin.sso import views as sso

SERVED = frozenset(
    {
        *("account_logout", "account_reauthenticate", "account_change_password"),
        *("account_reset_password", "account_reset_password_done"),
        "account_reset_password_from_key_done",
        "usersessions_list",
    }
)
OURS = {"account_login": sign_in, "account_reset_password_from_key": accept}
"""Those that the portal answers itself."""

PROVING = frozenset({"mfa_index", "mfa_authenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"})
"""Pages of the second factor that show, or prove who is there; all others change what proves it."""

View = Callable[..., HttpResponse]


@login_not_required
def not_served(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """The name stays, as allauth looks it up; the address leads nowhere."""
    raise Http404


def only_served(patterns: Iterable[URLPattern]) -> list[URLPattern]:
    """The same addresses, those that do not serve answering 404."""
    return [
        each if each.name in SERVED else URLPattern(each.pattern, OURS.get(each.name or "", not_served), name=each.name)
        for each in patterns
    ]


def asking_anew(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """The same addresses, those that change a second factor only for who has just proven who they are.

    allauth takes people who have a provider only for proven at any time; a session alone could add a factor.
    """
    found: list[URLPattern | URLResolver] = []
    for each in patterns:
        if isinstance(each, URLResolver):
            found.append(URLResolver(each.pattern, asking_anew(each.url_patterns)))
        elif each.name in PROVING:
            found.append(each)
        else:
            found.append(URLPattern(each.pattern, _proven(each.callback), name=each.name))
    return found


def _proven(view: View) -> View:
    @wraps(view)
    def ask(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated and not anew.is_fresh(request, to_enrol=True):
            return redirect(anew.question(request, to=request.path))
        return view(request, *args, **kwargs)

    return ask


urlpatterns = [
    path("reauthenticate/provider/", sso.prove_page, name="account_prove"),
    path("oidc/<slug:provider_id>/login/", sso.begin, name="openid_connect_login"),
    path("oidc/<slug:provider_id>/login/callback/", sso.back, name="openid_connect_callback"),
    path("session/", SessionLeft.as_view(), name="session_left"),
    path("", include(only_served(account.urlpatterns))),
    path("2fa/", include(asking_anew(mfa.urlpatterns))),
    path("sessions/", include(only_served(usersessions.urlpatterns))),
    path("3rdparty/", include(only_served(socialaccount.urlpatterns))),
]
