"""The addresses of allauth: only those that serve; every other one answers as if it were not there."""

from __future__ import annotations

from collections.abc import Iterable

from allauth.account import urls as account
from allauth.mfa import urls as mfa
from allauth.usersessions import urls as usersessions
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, include, path

SERVED = frozenset(
    {
        *("account_login", "account_logout", "account_reauthenticate", "account_change_password"),
        *("account_reset_password", "account_reset_password_done"),
        *("account_reset_password_from_key", "account_reset_password_from_key_done"),
        "usersessions_list",
    }
)


@login_not_required
def not_served(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """The name stays, as allauth looks it up; the address leads nowhere."""
    raise Http404


def only_served(patterns: Iterable[URLPattern]) -> list[URLPattern]:
    """The same addresses, those that do not serve answering 404."""
    return [each if each.name in SERVED else URLPattern(each.pattern, not_served, name=each.name) for each in patterns]


urlpatterns = [
    path("", include(only_served(account.urlpatterns))),
    path("2fa/", include(mfa.urlpatterns)),
    path("sessions/", include(only_served(usersessions.urlpatterns))),
]
