"""Single sign-on, against a real provider: who is let in, as whom, and with which roles."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import Any
from uuid import uuid4

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils.timezone import now
from pytest_django import Settings

from accounts_review.audit.events import Event
from accounts_review.audit.verification.actors import check_actors
from accounts_review.models import AuditEntry, Workspace
from accounts_review.workflow.people import people
from accounts_review.workflow.people.invitation import link_of
from tests.factories import give_role, make_workspace
from tests.sso_provider import OIDCProvider, sign_in_by
from tests.web.kit import sign_in, text_of

Use = Callable[..., OIDCProvider]


@pytest.fixture
def ines(workspace: Workspace) -> User:
    """Somebody with a role and without a password."""
    change = people.add_person(
        login="ines", email="ines@portal.example", role="reviewer", workspace=workspace, actor=None, now=now()
    )
    return change.person


def somebody() -> str:
    """A subject that no other test has used."""
    return f"sub-{uuid4()}"


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def roles_of(person: User) -> set[tuple[str, str]]:
    return {(role.workspace.name if role.workspace else "", role.name) for role in person.roles.all()}


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
    SocialAccount.objects.create(user=ines, provider="entra", uid=f"https://former.example {sub}")
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


GROUPS = {"roles": {"admins": [("administrator", "")], "deciders": [("reviewer", "main"), ("auditor", "other")]}}


def test_roles_follow_the_groups_at_each_sign_in(client: Client, ines: User, provider: Use, person: Any) -> None:
    make_workspace("other")
    person("administrator")
    entra, sub = provider(**GROUPS), somebody()
    about = {"email": ines.email, "email_verified": True}
    entra.say(sub, **about, groups=["deciders", "everybody"])
    sign_in_by(entra, client, sub)
    assert roles_of(ines) == {("main", "reviewer"), ("other", "auditor")}
    entra.say(sub, **about, groups=["admins"])
    sign_in_by(entra, Client(), sub)
    assert roles_of(ines) == {("", "administrator")}
    assert not is_in(client), "whoever loses a role in a workspace is signed out elsewhere"
    entra.say(sub, **about, groups=[])
    sign_in_by(entra, client, sub)
    assert roles_of(ines) == set()
    assert client.get("/").status_code == 403
    entries = AuditEntry.objects.filter(kind=Event.ROLE_GRANTED).order_by("seq")
    assert {(entry.actor, entry.data["provider"]) for entry in entries} == {("portal", "Entra")}
    assert [flaw for flaw in check_actors() if "ines" in flaw.problem] == []
    assert "administrator@portal.example" in {address for sent in mail.outbox for address in sent.to}


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}},
        {"groups": None},
        {"groups": {"a": 1}},
        {"groups": [1, 2]},
        {"hasgroups": True},
    ],
)
def test_a_token_without_its_groups_refuses_and_takes_no_role(
    client: Client, ines: User, provider: Use, claims: dict[str, Any]
) -> None:
    entra, sub = provider(**GROUPS), somebody()
    entra.say(sub, email=ines.email, email_verified=True, **claims)
    answer = sign_in_by(entra, client, sub)
    assert answer.status_code == 403
    assert "did not say which groups" in text_of(answer)
    assert not is_in(client)
    assert roles_of(ines) == {("main", "reviewer")}


def test_a_provider_without_groups_leaves_the_roles_to_the_people_page(
    client: Client, ines: User, provider: Use
) -> None:
    google, sub = provider(), somebody()
    google.say(sub, email=ines.email, email_verified=True, groups=["admins"])
    sign_in_by(google, client, sub)
    assert roles_of(ines) == {("main", "reviewer")}


def test_the_last_administrator_keeps_the_role_and_stays_out(client: Client, ines: User, provider: Use) -> None:
    give_role(ines, "administrator")
    entra, sub = provider(**GROUPS), somebody()
    entra.say(sub, email=ines.email, email_verified=True, groups=["deciders"])
    answer = sign_in_by(entra, client, sub)
    assert "there is no other one" in text_of(answer)
    assert not is_in(client)
    assert ("", "administrator") in roles_of(ines)


def test_groups_may_lie_deep_in_the_token(client: Client, ines: User, provider: Use, person: Any) -> None:
    person("administrator")
    keycloak, sub = provider(**GROUPS, groups_claim="resource_access.portal.roles"), somebody()
    keycloak.say(sub, email=ines.email, email_verified=True, resource_access={"portal": {"roles": ["admins"]}})
    sign_in_by(keycloak, client, sub)
    assert roles_of(ines) == {("", "administrator")}


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


def test_going_on_leads_nowhere_else(client: Client, ines: User, provider: Use) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub, email=ines.email, email_verified=True)
    assert sign_in_by(entra, client, sub, next="https://evil.example/")["Location"] == "/"


def test_a_failure_is_one_entry_an_hour_and_address(client: Client, ines: User, provider: Use) -> None:
    entra, sub = provider(), somebody()
    entra.say(sub)
    for _time in range(3):
        sign_in_by(entra, client, sub)
    assert kinds().count(Event.SIGNIN_FAILED) == 1


class TestAskedAnew:
    """Somebody who has a provider only proves there who they are."""

    @pytest.fixture
    def admin(self, ines: User) -> User:
        give_role(ines, "administrator")
        return ines

    @pytest.fixture
    def stale(self, client: Client, admin: User, provider: Use) -> tuple[OIDCProvider, str]:
        """Signed in by the provider, where they proved who they are long ago."""
        entra, sub = provider(), somebody()
        entra.say(sub, email=admin.email, email_verified=True, auth_time=int(time()) - 400)
        sign_in_by(entra, client, sub)
        assert is_in(client)
        return entra, sub

    def go_live(self, client: Client) -> Any:
        return client.post("/w/main/mode/", {"mode": "live", "confirmation": "main", "name": "main"})

    def is_live(self) -> bool:
        return Workspace.objects.get(name="main").is_live

    def test_the_provider_is_asked_and_its_word_is_checked(
        self, client: Client, stale: tuple[OIDCProvider, str]
    ) -> None:
        entra, sub = stale
        question = self.go_live(client)
        assert str(question["Location"]).startswith("/accounts/reauthenticate/provider/")
        assert "Continue with Entra" in text_of(client.get(question["Location"]))
        asked = {"anew": "yes", "next": "/go-on/"}
        page = client.post("/accounts/oidc/entra/login/", asked)
        assert "prompt=login" in page.content.decode()
        assert "max_age=0" in page.content.decode()
        # The provider lets them through without asking: that proves nothing.
        answer = client.get(entra.answer(page, sub))
        assert "did not ask you to sign in again" in text_of(answer)
        assert client.get("/go-on/").status_code == 302
        entra.say(sub, auth_time=int(time()))
        answer = sign_in_by(entra, client, sub, **asked)
        assert answer["Location"] == "/go-on/"
        kept = client.get("/go-on/").context["kept"]
        assert not self.is_live()
        client.post(kept["to"], dict(kept["fields"]))
        assert self.is_live()

    @pytest.mark.parametrize("auth_time", [None, "now", True, 4e9])
    def test_a_provider_that_does_not_say_when_proves_nothing(
        self, client: Client, stale: tuple[OIDCProvider, str], auth_time: Any
    ) -> None:
        entra, sub = stale
        self.go_live(client)
        entra.say(sub, auth_time=auth_time)
        assert sign_in_by(entra, client, sub, anew="yes", next="/go-on/").status_code == 403
        assert client.get("/go-on/").status_code == 302

    def test_somebody_else_over_there_proves_nothing(
        self, client: Client, stale: tuple[OIDCProvider, str], person: Any
    ) -> None:
        entra, _sub = stale
        other, another = somebody(), person("operator")
        SocialAccount.objects.create(user=another, provider="entra", uid=f"{entra.issuer} {other}")
        self.go_live(client)
        for sub in (other, somebody()):
            entra.say(sub, auth_time=int(time()))
            assert "somebody else" in text_of(sign_in_by(entra, client, sub, anew="yes", next="/go-on/"))
        self.go_live(client)
        assert not self.is_live()

    def test_a_stolen_session_adds_no_second_factor(self, client: Client, stale: tuple[OIDCProvider, str]) -> None:
        for page in ("totp/activate/", "webauthn/add/", "recovery-codes/generate/", "webauthn/"):
            answer = client.get(f"/accounts/2fa/{page}")
            assert str(answer["Location"]).startswith("/accounts/reauthenticate/provider/"), page

    def test_a_sign_in_that_was_proven_just_now_counts(self, client: Client, admin: User, provider: Use) -> None:
        entra, sub = provider(), somebody()
        entra.say(sub, email=admin.email, email_verified=True, auth_time=int(time()))
        sign_in_by(entra, client, sub)
        self.go_live(client)
        assert self.is_live()

    def test_one_that_does_not_say_when_sets_up_a_factor_and_nothing_else(
        self, client: Client, admin: User, provider: Use
    ) -> None:
        google, sub = provider(), somebody()
        google.say(sub, email=admin.email, email_verified=True, auth_time=None)
        sign_in_by(google, client, sub)
        self.go_live(client)
        assert not self.is_live()
        assert client.get("/accounts/2fa/totp/activate/").status_code == 200

    def test_the_password_proves_nothing_where_passwords_are_off(
        self, client: Client, admin: User, provider: Use, settings: Settings
    ) -> None:
        provider()
        admin.set_password("correct horse battery")
        admin.save()
        sign_in(client, admin)
        settings.PASSWORDS_ONLY_FOR = "root"
        self.go_live(client)
        assert not self.is_live()
