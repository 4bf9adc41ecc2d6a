"""The People pages, as administrators of the portal and of one workspace use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from accounts_review.models import Workspace, may
from tests.factories import give_role, make_social_account, make_workspace
from tests.web.kit import sign_in, text_of

Person = Callable[[str], User]
NEW = {"login": "ana", "name": "Ana Lima", "email": "ana@new.example", "role": "reviewer", "place": "main"}


@pytest.fixture
def boss(client: Client, person: Person, workspace: Workspace) -> User:
    sign_in(client, person("administrator"))
    return person("administrator")


@pytest.fixture
def here(client: Client, person: Person, workspace: Workspace) -> User:
    """The administrator of one workspace of two."""
    make_workspace("other")
    give_role(person("nobody"), "administrator", workspace)
    sign_in(client, person("nobody"))
    return person("nobody")


def page_of(person: User) -> str:
    return f"/people/{person.pk}/"


def act(client: Client, person: User, act: str, **fields: Any) -> Any:
    return client.post(page_of(person), {"act": act} | fields, follow=True)


def test_somebody_is_invited_and_told(client: Client, boss: User, workspace: Workspace) -> None:
    answer = client.post("/people/", NEW, follow=True)
    assert "ana was added" in text_of(answer)
    assert "Ana Lima" in text_of(answer)
    assert "Invited, not accepted yet" in text_of(answer)
    assert may(User.objects.get(username="ana"), "decide", workspace)
    assert {message.to[0] for message in mail.outbox} == {"ana@new.example", boss.email}


def test_what_was_typed_stays_where_it_cannot_be_done(client: Client, boss: User) -> None:
    answer = client.post("/people/", NEW | {"login": "administrator"})
    assert answer.status_code == 400
    assert "is taken" in text_of(answer)
    assert 'value="ana@new.example"' in text_of(answer)
    assert not mail.outbox


def test_a_role_is_changed(client: Client, boss: User, person: Person, workspace: Workspace) -> None:
    answer = act(client, person("auditor"), "role", place="*", role="operator")
    assert "The role was changed" in text_of(answer)
    assert may(person("auditor"), "operate", workspace)
    assert "auditor" in mail.outbox[0].body


def test_a_role_that_somebody_else_changed_meanwhile_stays(
    client: Client, boss: User, person: Person, workspace: Workspace
) -> None:
    auditor = person("auditor")
    seen = client.get(f"/people/{auditor.pk}/").context["row"].roles[0]
    act(client, auditor, "role", place="*", role="operator", seen=seen.role)
    answer = act(client, auditor, "role", place="*", role="none", seen=seen.role)
    assert answer.status_code == 409
    assert "auditor was changed meanwhile. Nothing was changed by you" in text_of(answer)
    assert may(person("auditor"), "operate", workspace)
    page = text_of(answer)
    assert 'value="none" selected' in page, "what was chosen is still there"
    assert "Currently: Operator" in page


def test_an_address_that_somebody_else_changed_meanwhile_stays(client: Client, boss: User, person: Person) -> None:
    auditor = person("auditor")
    act(client, auditor, "email", email="one@portal.example", seen=auditor.email)
    answer = act(client, auditor, "email", email="other@portal.example", seen=auditor.email)
    assert answer.status_code == 409
    assert "auditor was changed meanwhile. Nothing was changed by you" in text_of(answer)
    assert 'value="other@portal.example"' in text_of(answer), "what was typed is still there"
    assert person("auditor").email == "one@portal.example"


@pytest.mark.parametrize("sent", [{"email": "no address"}, {"email": "administrator@portal.example"}])
def test_an_address_that_is_refused_can_be_mended(client: Client, boss: User, person: Person, sent: Any) -> None:
    answer = act(client, person("auditor"), "email", **sent)
    assert answer.status_code == 400
    assert f'value="{sent["email"]}"' in text_of(answer)


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("email", {"email": "new@portal.example"}, "The address was changed"),
        ("sign_out", {}, "signed out everywhere"),
        ("deactivate", {}, "was deactivated"),
        ("invite", {}, "gets another link"),
    ],
)
def test_acts_on_a_person(client: Client, boss: User, person: Person, name: str, fields: Any, said: str) -> None:
    auditor = person("auditor")
    auditor.set_unusable_password()
    auditor.save()
    assert said in text_of(act(client, auditor, name, **fields))
    assert {"auditor@portal.example", boss.email} <= {message.to[0] for message in mail.outbox}


def test_somebody_who_signs_in_by_a_provider_is_shown_as_such_and_can_be_unlinked(
    client: Client, boss: User, person: Person, settings: Settings
) -> None:
    settings.OIDC = [{"provider_id": "entra", "name": "Entra ID", "settings": {"roles": {"a": [("auditor", "")]}}}]
    auditor = person("auditor")
    auditor.set_unusable_password()
    auditor.save()
    assert "Invited, not accepted yet" in text_of(client.get("/people/"))
    make_social_account(auditor, "https://issuer.example sub")
    assert "Entra ID" in text_of(client.get("/people/"))
    page = text_of(client.get(f"/people/{auditor.pk}/"))
    assert "holds until the next sign-in" in page
    assert "Send another invitation" not in page
    assert "already accepted an invitation" in text_of(act(client, auditor, "invite"))
    assert "was unlinked and signed out" in text_of(act(client, auditor, "unlink"))
    assert not SocialAccount.objects.exists()
    assert "unlinked your login auditor" in mail.outbox[0].body


def test_what_is_refused_says_why_and_changes_nothing(client: Client, boss: User) -> None:
    for name, fields, why in (
        ("deactivate", {}, "last administrator"),
        ("role", {"place": "*", "role": "auditor"}, "last administrator"),
        ("email", {"email": "mine@portal.example"}, "You cannot change your own"),
        ("invite", {"email": ""}, "already accepted an invitation"),
        ("role", {"place": "nowhere", "role": "auditor"}, "nowhere"),
    ):
        boss.set_password("kept") if name == "invite" else None
        boss.save()
        sign_in(client, boss)
        answer = act(client, boss, name, **fields)
        assert answer.status_code == 400
        assert why in text_of(answer)
    boss.refresh_from_db()
    assert boss.email == "administrator@portal.example"
    assert act(client, boss, "promote").status_code == 404


def test_an_administrator_of_one_workspace_sees_and_changes_only_that(
    client: Client, here: User, person: Person, workspace: Workspace
) -> None:
    other = Workspace.objects.get(name="other")
    there, both = (User.objects.create(username=login, email=f"{login}@portal.example") for login in ("there", "both"))
    give_role(there, "operator", other)
    give_role(both, "operator", other)
    give_role(both, "auditor", workspace)
    listed = text_of(client.get("/people/"))
    assert "both@portal.example" in listed
    assert "there@portal.example" not in listed
    assert ">other<" not in listed
    assert client.get(page_of(there)).status_code == 404
    assert act(client, there, "deactivate").status_code == 404
    page = text_of(client.get(page_of(both)))
    assert "only who administers all of it" in page
    assert "Deactivate" not in page
    for name in ("deactivate", "sign_out", "email"):
        assert act(client, both, name, email="mine@evil.example").status_code == 403
    assert act(client, both, "role", place="other", role="none").status_code == 400
    assert may(both, "operate", other)
    assert act(client, both, "role", place="main", role="reviewer").status_code == 200
    assert client.post("/people/", NEW | {"place": "*"}).status_code == 400
    assert client.post("/people/", NEW | {"place": "other"}).status_code == 400
    assert client.post("/w/main/people/", NEW, follow=True).status_code == 200
    assert client.get("/w/other/people/").status_code == 404


def test_the_page_of_a_workspace_lists_whoever_reaches_it(client: Client, boss: User, person: Person) -> None:
    there = User.objects.create(username="there", email="there@portal.example")
    give_role(there, "operator", make_workspace("other"))
    assert "there@portal.example" in text_of(client.get("/people/"))
    page = text_of(client.get("/w/main/people/"))
    assert "there@portal.example" not in page
    assert "administrator@portal.example" in page


def test_the_overview_asks_a_lone_administrator_to_name_another(client: Client, boss: User) -> None:
    asked = "Name a second administrator"
    assert asked in text_of(client.get("/w/main/"))
    give_role(User.objects.create(username="second"), "administrator")
    assert asked not in text_of(client.get("/w/main/"))


def test_only_those_who_administer_are_led_to_the_page(client: Client, person: Person, workspace: Workspace) -> None:
    for role in ("auditor", "administrator"):
        sign_in(client, person(role))
        assert (b'href="/people/"' in client.get("/w/main/audit/").content) is (role == "administrator")


def test_many_people_take_several_pages_and_no_more_queries(
    client: Client, boss: User, django_assert_max_num_queries: Any
) -> None:
    names = [f"p{number:03}" for number in range(120)]
    User.objects.bulk_create(User(username=name, email=f"{name}@portal.example") for name in names)
    User.objects.filter(username__gte="p100").update(is_active=False)
    with django_assert_max_num_queries(40):
        first = client.get("/people/")
    assert [row.person.username for row in first.context["rows"]] == ["administrator", *names[:49]]
    second, third = client.get("/people/?page=2"), client.get("/people/?page=99")
    assert second.context["rows"][0].person.username == "p049"
    assert [row.person.username for row in third.context["former"]] == names[100:]
    assert 'href="?page=2"' in text_of(first)
    assert client.get("/people/?page=x").status_code == 200
