"""Every address about signing in, and who finds what there. A new one without an expectation fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import Settings

from accounts_review.models import Workspace
from accounts_review.web.urls import urlpatterns as of_pages
from tests.web.kit import sign_in
from tests.web.records_kit import Site

SHOWN, SIGN_IN, HIDDEN, REFUSED, ANEW, FACTOR, ON = "shown", "sign in", "hidden", "refused", "asked", "factor", "on"
"""How a request ends: with a page, with being asked to sign in, as if nothing were there, refused, asked anew who is
there, led to setting up a second factor, or led on."""

NOTHING = (HIDDEN, HIDDEN)
Expected = dict[str, tuple[str, str]]


def named(patterns: list[Any]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.url_patterns is not of_pages:
                yield from named(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            assert pattern.name, f"{pattern} has no name"
            yield pattern.name


NAMES = sorted(set(named(get_resolver().url_patterns)))

GIVEN: dict[str, dict[str, Any]] = {
    "account_reset_password_from_key": {"uidb36": "zz", "key": "none"},
    "account_confirm_email": {"key": "none"},
    "mfa_remove_webauthn": {"pk": 4711},
    "mfa_edit_webauthn": {"pk": 4711},
    "openid_connect_login": {"provider_id": "nowhere"},
    "openid_connect_callback": {"provider_id": "nowhere"},
}


def outcome(answer: Any) -> str:
    if answer.status_code not in (301, 302):
        return {200: SHOWN, 404: HIDDEN, 403: REFUSED, 405: REFUSED}.get(answer.status_code, str(answer.status_code))
    to = answer["Location"].split("?")[0]
    ways = {"/accounts/login/": SIGN_IN, "/accounts/2fa/": FACTOR}
    asking = ("/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/")
    return ways.get(to) or (ANEW if to.startswith(asking) else ON)


OPEN_PAGE, OPEN_FORM, OF_PERSON = (SHOWN, REFUSED), (SHOWN, SHOWN), (SIGN_IN, SIGN_IN)

RULES: dict[str, tuple[tuple[str, str], ...]] = {
    "account_login": (OPEN_FORM, (ON, ON)),
    "account_logout": ((ON, ON), (SHOWN, ON)),
    "account_reset_password": (OPEN_FORM, OPEN_FORM),
    "account_reset_password_done": (OPEN_PAGE, OPEN_PAGE),
    "account_reset_password_from_key": (OPEN_FORM, OPEN_FORM),
    "account_reset_password_from_key_done": (OPEN_PAGE, OPEN_PAGE),
    "openid_connect_login": ((REFUSED, HIDDEN), (REFUSED, HIDDEN)),
    "openid_connect_callback": ((HIDDEN, REFUSED), (HIDDEN, REFUSED)),
    "set_language": ((ON, ON), (ON, ON)),
    "icon": ((ON, REFUSED), (ON, REFUSED)),
    "health": (OPEN_PAGE, OPEN_PAGE),
    "worker_health": (OPEN_PAGE, OPEN_PAGE),
    "worker_alive": (OPEN_PAGE, OPEN_PAGE),
    "account_change_password": (OF_PERSON, OPEN_FORM),
    "account_prove": (OF_PERSON, OPEN_PAGE),
    "account_reauthenticate": (OF_PERSON, OPEN_FORM),
    "usersessions_list": (OF_PERSON, (SHOWN, ON)),
    "session_left": (OF_PERSON, OPEN_FORM),
    "mfa_index": (OF_PERSON, OPEN_PAGE),
    "mfa_authenticate": (OF_PERSON, (ON, ON)),
    "mfa_reauthenticate": (OF_PERSON, (ANEW, ANEW)),
    "mfa_reauthenticate_webauthn": (OF_PERSON, (ANEW, ANEW)),
    "mfa_activate_totp": (OF_PERSON, OPEN_FORM, (ANEW, ANEW)),
    "mfa_add_webauthn": (OF_PERSON, OPEN_FORM, (ANEW, ANEW)),
    "mfa_deactivate_totp": (OF_PERSON, NOTHING, (ANEW, ANEW)),
    "mfa_download_recovery_codes": (OF_PERSON, NOTHING, (ANEW, ANEW)),
    "mfa_edit_webauthn": (OF_PERSON, NOTHING, (ANEW, ANEW)),
    "mfa_generate_recovery_codes": (OF_PERSON, OPEN_FORM, (ANEW, ANEW)),
    "mfa_list_webauthn": (OF_PERSON, OPEN_PAGE, (ANEW, ANEW)),
    "mfa_remove_webauthn": (OF_PERSON, NOTHING, (ANEW, ANEW)),
    "mfa_view_recovery_codes": (OF_PERSON, (HIDDEN, REFUSED), (ANEW, ANEW)),
    **dict.fromkeys(
        (
            *("account_confirm_email", "account_confirm_login_code", "account_email", "account_inactive"),
            *("account_email_verification_sent", "account_set_password", "account_signup"),
            *("socialaccount_connections", "socialaccount_login_cancelled", "socialaccount_login_error"),
            "socialaccount_signup",
        ),
        (NOTHING, NOTHING),
    ),
}
"""What strangers find, to see and to send; then people; then people who proved long ago who they are, if it differs."""

DEMANDS_A_FACTOR = {name for name in RULES if name.startswith(("socialaccount_", "session_"))}
"""Those that somebody without the factor which is demanded of them does not reach; the others serve to set it up."""


slow = pytest.mark.slow(reason="every address of signing in is asked, by everybody")


def test_every_address_has_a_rule() -> None:
    assert sorted(RULES) == NAMES


@pytest.fixture
def auditor(workspace: Workspace, person: Callable[[str], User]) -> User:
    user = person("auditor")
    user.set_password("correct horse battery")
    user.save()
    # A worker that has been here, so that its health page has something to say.
    Site(Client(), workspace, person).synced()
    return user


def found(auditor: User | None, *, ago: float = 0) -> Expected:
    """How seeing and sending end at every address, each in a session of its own."""
    answers = {}
    for name in NAMES:
        at, outcomes = reverse(name, kwargs=GIVEN.get(name)), []
        for method in ("get", "post"):
            client = Client()
            if auditor is not None:
                sign_in(client, auditor, ago=ago)
                User.objects.filter(pk=auditor.pk).update(is_active=auditor.is_active)
            with transaction.atomic():
                outcomes.append(outcome(getattr(client, method)(at)))
                transaction.set_rollback(True)
        answers[name] = (outcomes[0], outcomes[1])
    return answers


def test_strangers(auditor: User) -> None:
    assert found(None) == {name: rule[0] for name, rule in RULES.items()}


@slow
def test_people(auditor: User) -> None:
    assert found(auditor) == {name: rule[1] for name, rule in RULES.items()}


@slow
def test_people_who_proved_long_ago_who_they_are(auditor: User) -> None:
    assert found(auditor, ago=301) == {name: rule[-1] for name, rule in RULES.items()}


@slow
def test_people_without_the_second_factor_that_is_demanded(auditor: User, settings: Settings) -> None:
    settings.SECOND_FACTOR_FROM = "auditor"
    wanted = {name: rule[1] for name, rule in RULES.items()}
    assert found(auditor) == wanted | dict.fromkeys(DEMANDS_A_FACTOR, (FACTOR, FACTOR))


@slow
def test_people_who_were_deactivated_in_mid_session(auditor: User) -> None:
    auditor.is_active = False
    assert found(auditor) == {name: rule[0] for name, rule in RULES.items()}
