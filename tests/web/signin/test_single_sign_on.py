"""Single sign-on, against a real provider: who is let in, as whom, and with which roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils.timezone import now
from pytest_django import Settings

from accounts_review.audit.events import Event
from accounts_review.models import AuditEntry
from accounts_review.workflow.people import people
from accounts_review.workflow.people.invitation import link_of
from tests.factories import make_social_account
from tests.sso_provider import OIDCProvider, sign_in_by
from tests.web.kit import sign_in, text_of
from tests.web.signin.sso_kit import deliver_login_mails, is_in, somebody

Use = Callable[..., OIDCProvider]


def kinds() -> list[str]:
    return list(AuditEntry.objects.order_by("seq").values_list("kind", flat=True))


def test_the_sign_in_page_has_a_button_for_each_provider(client: Client, db: None, provider: Use) -> None:
    assert "Continue with" not in text_of(client.get("/accounts/login/"))
    provider()
    page = text_of(client.get("/accounts/login/"))
    assert "Continue with Entra" in page
    assert 'action="/accounts/oidc/entra/login/"' in page
    assert 'name="password"' in page


def test_an_address_that_the_provider_verifies_links_the_person_once_and_for_all(
    client: Client, ines: User, provider: Use
) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub, email="Ines@Portal.example", email_verified=True)
    answer = sign_in_by(entra, client, sub, next="/w/main/review/")
    assert (answer.status_code, answer["Location"]) == (302, "/w/main/review/")
    assert client.get("/w/main/review/").status_code == 200
    assert SocialAccount.objects.get().user == ines
    assert kinds()[-2:] == [Event.SIGNIN_LINKED, Event.SIGNIN_DONE]
    assert AuditEntry.objects.get(kind=Event.SIGNIN_DONE).data["provider"] == "Entra"
    assert mail.outbox == [], "a sign-in waits for no mail server"
    deliver_login_mails()
    assert [sent.to for sent in mail.outbox] == [["ines@portal.example"]], "the person is told of the link"
    # From now on the subject counts, whatever the address.
    entra.say(sub, email="elsewhere@portal.example", email_verified=False)
    again = Client()
    sign_in_by(entra, again, sub)
    assert is_in(again)


@pytest.mark.parametrize(
    ("claims", "known"),
    [
        ({"email": "ines@portal.example"}, {}),
        ({"email": "ines@portal.example", "email_verified": False}, {}),
        ({"email": "ines@portal.example", "email_verified": "no"}, {}),
        ({"email": "ines@portal.example"}, {"verified_domains": ["example"]}),
        ({"email": "ines@portal.example@evil.example"}, {"verified_domains": ["evil.example"]}),
        ({"email": ["ines@portal.example"], "email_verified": True}, {}),
        ({"email": "mallory@portal.example", "email_verified": True}, {}),
        ({"email_verified": True}, {}),
        ({"email": "", "email_verified": True}, {}),
    ],
)
def test_any_other_address_lets_nobody_in_and_adds_nobody(
    client: Client, ines: User, provider: Use, claims: dict[str, Any], known: dict[str, Any]
) -> None:
    entra, sub = provider(**known), somebody()
    entra.say(sub, **claims)
    answer = sign_in_by(entra, client, sub)
    assert answer.status_code == 403
    assert "No login here is linked" in text_of(answer)
    assert not is_in(client)
    assert (User.objects.count(), SocialAccount.objects.count()) == (1, 0)
    assert kinds()[-1] == Event.SIGNIN_FAILED


@pytest.mark.parametrize(
    ("claims", "known"),
    [
        ({"email": "ines@portal.example"}, {"verified_domains": ["portal.example"]}),
        ({"email": "ines@portal.example", "xms_edov": True}, {}),
        ({"email": "ines@portal.example", "xms_edov": "1"}, {}),
    ],
)
def test_entra_which_never_says_that_an_address_is_verified_is_taken_at_its_domains(
    client: Client, ines: User, provider: Use, claims: dict[str, Any], known: dict[str, Any]
) -> None:
    entra, sub = provider(**known), somebody()
    entra.say(sub, **claims)
    sign_in_by(entra, client, sub)
    assert is_in(client)


def test_an_invitation_is_accepted_by_a_provider_whatever_address_it_knows(
    client: Client, ines: User, provider: Use
) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub, email="i.garcia@elsewhere.example")
    link = link_of(ines).removeprefix("http://127.0.0.1:8000")
    page = client.get(link, follow=True)
    assert "Continue with Entra" in text_of(page)
    sign_in_by(entra, client, sub, invited=page.context["uid"])
    assert is_in(client)
    assert SocialAccount.objects.get().user == ines
    assert "no longer works" in text_of(Client().get(link, follow=True)), "it is good once"
    ines.refresh_from_db()
    assert not ines.has_usable_password()


def test_an_invitation_needs_its_link(client: Client, ines: User, provider: Use) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub, email="mallory@elsewhere.example")
    page = Client().get(link_of(ines).removeprefix("http://127.0.0.1:8000"), follow=True)
    assert sign_in_by(entra, client, sub, invited=page.context["uid"]).status_code == 403
    assert not is_in(client)


def test_a_link_for_a_new_password_does_not_link_a_provider(client: Client, ines: User, provider: Use) -> None:
    entra, sub = provider(), somebody()
    ines.set_password("correct horse battery")
    ines.save()
    entra.say(sub, email="mallory@elsewhere.example")
    page = client.get(link_of(ines).removeprefix("http://127.0.0.1:8000"), follow=True)
    assert "Continue with Entra" not in text_of(page)
    assert sign_in_by(entra, client, sub, invited=page.context["uid"]).status_code == 403


def test_the_same_subject_of_another_issuer_is_somebody_else(
    client: Client, ines: User, provider: Use, settings: Settings
) -> None:
    entra, sub = provider(), somebody()
    make_social_account(ines, f"https://former.example {sub}")
    entra.say(sub)
    assert sign_in_by(entra, client, sub).status_code == 403


def test_a_second_identity_with_the_same_address_is_not_linked(client: Client, ines: User, provider: Use) -> None:
    entra, first, second = provider(), somebody(), somebody()
    for sub in (first, second):
        entra.say(sub, email=ines.email, email_verified=True)
    sign_in_by(entra, Client(), first)
    answer = sign_in_by(entra, client, second)
    assert "linked to another identity" in text_of(answer)
    assert not is_in(client)


def test_whoever_was_deactivated_is_a_stranger(client: Client, ines: User, provider: Use) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub, email=ines.email, email_verified=True)
    sign_in_by(entra, Client(), sub)
    people.deactivate(person=ines, actor=None, now=now())
    assert "No login here is linked" in text_of(sign_in_by(entra, client, sub))
    # Somebody who is given the login later does not inherit the way in.
    people.add_person(
        login="ines", email="other@portal.example", role="administrator", workspace=None, actor=None, now=now()
    )
    entra.say(sub)
    assert sign_in_by(entra, client, sub).status_code == 403


def test_only_the_break_glass_login_has_a_password(
    client: Client, ines: User, provider: Use, settings: Settings
) -> None:
    provider()
    settings.PASSWORDS_ONLY_FOR = "root"
    User.objects.create_superuser("root", "root@portal.example", "correct horse battery")
    ines.set_password("correct horse battery")
    ines.save()
    for login, may in (("ines", False), ("root", True)):
        browser = Client()
        browser.post("/accounts/login/", {"login": login, "password": "correct horse battery"})
        assert is_in(browser) is may
        client.post("/accounts/password/reset/", {"email": f"{login}@portal.example"})
        assert [sent.to for sent in mail.outbox] == ([[f"{login}@portal.example"]] if may else [])
    assert "in an emergency" in text_of(client.get("/accounts/login/"))
    # Neither does a link that was sent before, nor a session prove by a password.
    page = client.get(link_of(ines).removeprefix("http://127.0.0.1:8000"), follow=True)
    at = page.redirect_chain[-1][0]
    again = {"password1": "a different battery", "password2": "a different battery"}
    assert client.post(at, again).status_code == 403
    sign_in(client, ines)
    assert client.get("/accounts/2fa/totp/activate/").status_code == 302


def test_the_break_glass_login_is_not_reached_by_a_provider(
    client: Client, db: None, provider: Use, settings: Settings
) -> None:
    settings.PASSWORDS_ONLY_FOR = "root"
    User.objects.create_superuser("root", "root@portal.example", "correct horse battery")
    entra, sub = provider(), somebody()
    entra.say(sub, email="root@portal.example", email_verified=True)
    assert sign_in_by(entra, client, sub).status_code == 403


def test_whoever_signs_in_by_a_provider_gets_no_password_by_a_link(client: Client, ines: User, provider: Use) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub, email=ines.email, email_verified=True)
    sign_in_by(entra, Client(), sub)
    mail.outbox.clear()
    client.post("/accounts/password/reset/", {"email": ines.email})
    assert mail.outbox == []


@pytest.mark.parametrize("change", ["state", "code", "nonce", "cancel"])
def test_a_forged_way_back_signs_nobody_in(client: Client, ines: User, provider: Use, change: str) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub, email=ines.email, email_verified=True)
    page = client.post("/accounts/oidc/entra/login/")
    back = entra.answer(page, sub)
    match change:
        case "state":
            answer = Client().get(back)
        case "code":
            answer = client.get(back.replace("code=", "code=x"))
        case "nonce":
            session = client.session
            (state,) = session["socialaccount_states"].values()
            state[0]["data"]["nonce"] = "another"
            session.save()
            answer = client.get(back)
        case _:
            answer = client.get(back.split("?")[0] + "?error=access_denied&state=" + back.rpartition("state=")[2])
            assert "You cancelled" in text_of(answer)
    assert answer.status_code == 403
    assert not is_in(client)


def test_a_provider_that_cannot_be_reached_says_so(client: Client, db: None, provider: Use) -> None:
    provider(server_url="http://127.0.0.1:9")
    answer = client.post("/accounts/oidc/entra/login/")
    assert "cannot be reached" in text_of(answer)


def test_an_issuer_that_calls_itself_otherwise_is_not_trusted(client: Client, db: None, provider: Use) -> None:
    entra = provider(server_url=provider().issuer.replace("127.0.0.1", "localhost") + "/")
    assert "cannot be reached" in text_of(client.post("/accounts/oidc/entra/login/"))
    assert entra


@pytest.mark.parametrize("address", ["nowhere/login/", "openid_connect/login/", "entra/login/callback/x/"])
def test_other_addresses_are_not_there(client: Client, db: None, provider: Use, address: str) -> None:
    provider()
    assert client.post(f"/accounts/oidc/{address}").status_code == 404


def test_looking_at_the_address_of_a_button_starts_nothing(client: Client, db: None, provider: Use) -> None:
    provider()
    assert client.get("/accounts/oidc/entra/login/").status_code == 405


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "abc"])
def test_going_on_leads_nowhere_else(client: Client, ines: User, provider: Use, elsewhere: str) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub, email=ines.email, email_verified=True)
    assert sign_in_by(entra, client, sub, next=elsewhere)["Location"] == "/"


def test_a_failure_is_one_entry_an_hour_and_address(client: Client, ines: User, provider: Use) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub)
    for _time in range(3):
        sign_in_by(entra, client, sub)
    assert kinds().count(Event.SIGNIN_FAILED) == 1
