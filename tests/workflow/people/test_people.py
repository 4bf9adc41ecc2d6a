"""Adding people, changing what they may do, ending it; and what is kept and told of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client

from accounts_review.models import AuditEntry, Workspace, may, people_who_may
from accounts_review.workflow.people import emails, people
from accounts_review.workflow.people.changes import Change, PersonRefused
from tests.factories import NOW, give_role, make_workspace

Person = Callable[[str], User]


@pytest.fixture
def other(workspace: Workspace) -> Workspace:
    return make_workspace("other")


def add(login: str = "ana", role: str = "reviewer", workspace: Workspace | None = None, **options: Any) -> Change:
    given = {"email": f"{login}@new.example", "actor": None, "now": NOW} | options
    return people.add_person(login=login, role=role, workspace=workspace, **given)


def grant(
    person: User, role: str, workspace: Workspace | None = None, actor: User | None = None, **more: Any
) -> Change:
    return people.grant(person=person, role=role, workspace=workspace, actor=actor, now=NOW, **more)


def told(kind: str) -> list[dict[str, Any]]:
    entries = AuditEntry.objects.filter(kind=kind).order_by("seq")
    return [{"workspace": entry.workspace, "actor": entry.actor} | entry.details for entry in entries]


def test_somebody_added_has_that_role_and_no_other_right(workspace: Workspace, other: Workspace) -> None:
    ana = add(workspace=workspace).person
    assert not ana.is_superuser
    assert not ana.is_staff
    assert not ana.has_usable_password()
    assert may(ana, "decide", workspace)
    assert not may(ana, "operate", workspace)
    assert not may(ana, "read", other)
    assert told("person.added") == [
        {
            "workspace": "main",
            "actor": "shell",
            "login": "ana",
            "email": "ana@new.example",
            "before": "none",
            "role": "reviewer",
        }
    ]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"login": "REVIEWER"}, "taken"),
        ({"login": "a b", "email": "ab@new.example"}, "letters, numbers"),
        ({"login": "x" * 151, "email": "x@new.example"}, "150 characters"),
        ({"email": "nobody"}, "not an e-mail address"),
        ({"email": "Reviewer@portal.example"}, "Someone else here"),
        ({"role": "emperor"}, "no role emperor"),
    ],
)
def test_who_cannot_be_added_is_not_there(person: Person, fields: dict[str, str], why: str) -> None:
    person("reviewer")
    with pytest.raises(PersonRefused, match=why):
        add(**({"login": "ana"} | fields))  # type: ignore[arg-type]
    assert User.objects.count() == 1
    assert not told("person.added")


def test_only_an_administrator_of_the_place_changes_people(
    workspace: Workspace, other: Workspace, person: Person
) -> None:
    here = person("nobody")
    give_role(here, "administrator", workspace)
    ana = add(workspace=workspace, actor=here).person
    for place in (other, None):
        with pytest.raises(PermissionDenied):
            add("eve", workspace=place, actor=here)
        with pytest.raises(PermissionDenied):
            grant(ana, "operator", place, here)
    for role in ("auditor", "reviewer", "operator"):
        with pytest.raises(PermissionDenied):
            grant(ana, "auditor", workspace, person(role))
    grant(ana, "operator", workspace, here)
    give_role(ana, "auditor", other)
    for act in (people.deactivate, people.sign_out, people.invite_again):
        with pytest.raises(PermissionDenied):
            act(person=ana, actor=here, now=NOW)
    with pytest.raises(PermissionDenied):
        people.change_email(person=ana, email="here@evil.example", actor=here, now=NOW)


def test_a_role_is_changed_with_what_it_was_before(workspace: Workspace, other: Workspace, person: Person) -> None:
    ana = add(workspace=workspace).person
    grant(ana, "operator", workspace, person("administrator"))
    [entry] = told("role.granted")
    assert entry == {
        "workspace": "main",
        "actor": "administrator",
        "login": "ana",
        "before": "reviewer",
        "role": "operator",
    }
    grant(ana, "none", workspace)
    assert not may(ana, "read", workspace)


def test_a_change_in_one_workspace_is_not_told_in_another(workspace: Workspace, other: Workspace) -> None:
    ana = add(workspace=workspace).person
    grant(ana, "auditor", workspace)
    people.deactivate(person=ana, actor=None, now=NOW)
    assert {entry["workspace"] for kind in ("person.added", "role.granted") for entry in told(kind)} == {"main"}
    assert [(entry["workspace"], entry["before"]) for entry in told("person.deactivated")] == [("main", "auditor")]


def test_without_any_workspace_the_audit_tells_it_all_the_same(db: None) -> None:
    add(role="administrator")
    assert [entry["workspace"] for entry in told("person.added")] == [""]


def test_a_role_for_the_portal_is_not_lessened_in_one_workspace(workspace: Workspace, person: Person) -> None:
    with pytest.raises(PersonRefused, match="operator of the whole portal"):
        grant(person("operator"), "auditor", workspace)


def test_nobody_gives_themselves_more(workspace: Workspace, other: Workspace, person: Person) -> None:
    here = person("nobody")
    give_role(here, "administrator", workspace)
    give_role(here, "administrator", other)
    with pytest.raises(PersonRefused, match="greater role"):
        grant(here, "administrator", None, here)
    boss = person("administrator")
    with pytest.raises(PersonRefused, match="own e-mail"):
        people.change_email(person=boss, email="new@portal.example", actor=boss, now=NOW)
    grant(boss, "auditor", None, boss)
    with pytest.raises(PermissionDenied):
        grant(boss, "administrator", None, boss)


@pytest.mark.parametrize("place", ["main", None])
def test_the_last_administrator_stays(workspace: Workspace, place: str | None) -> None:
    where = workspace if place else None
    ana = add(role="administrator", workspace=where).person
    acts: list[Callable[[], Change]] = [
        lambda: grant(ana, "operator", where),
        lambda: people.deactivate(person=ana, actor=None, now=NOW),
    ]
    for act in acts:
        with pytest.raises(PersonRefused, match="last administrator"):
            act()
    assert may(ana, "administer", workspace)
    assert not told("role.granted") + told("person.deactivated")
    add("bob", role="administrator", workspace=where)
    grant(ana, "operator", where)


@pytest.mark.django_db(transaction=True)
def test_two_who_demote_each_other_at_once_leave_one(workspace: Workspace) -> None:
    both = [add(login, role="administrator").person for login in ("ana", "bob")]
    barrier = Barrier(2)

    def demote(person: User) -> str:
        barrier.wait()
        try:
            grant(person, "auditor")
        except PersonRefused:
            return "refused"
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, both)) == ["done", "refused"]
    assert people_who_may("administer", workspace).count() == 1


def test_a_superuser_is_refused_until_no_longer_one(workspace: Workspace, person: Person) -> None:
    root = User.objects.create_superuser("root")
    acts: list[Callable[[], Change]] = [
        lambda: grant(root, "auditor"),
        lambda: people.deactivate(person=root, actor=None, now=NOW),
    ]
    for act in acts:
        with pytest.raises(PersonRefused, match=r"superuser.*manage\.py grant root .* --instead-of-superuser"):
            act()
    with pytest.raises(PersonRefused, match="last administrator"):
        grant(root, "auditor", instead_of_superuser=True)
    with pytest.raises(PermissionDenied):
        people.change_email(person=root, email="x@evil.example", actor=person("administrator"), now=NOW)
    grant(root, "auditor", instead_of_superuser=True)
    root.refresh_from_db()
    assert not root.is_superuser
    assert not may(root, "decide", workspace)
    assert told("role.granted")[0]["before"] == "superuser"


@pytest.mark.parametrize("role", ["auditor", "none", "operator", "administrator"])
def test_whoever_loses_a_right_is_signed_out(workspace: Workspace, person: Person, role: str) -> None:
    person("administrator")
    clients = {login: Client() for login in ("operator", "reviewer")}
    for login, client in clients.items():
        client.force_login(person(login))
    grant(person("operator"), role)
    stays = role in ("operator", "administrator")
    assert (clients["operator"].get("/hold/").status_code == 302) is not stays
    assert clients["reviewer"].get("/hold/").status_code == 200


def test_deactivating_ends_everything(workspace: Workspace, person: Person) -> None:
    person("administrator")
    operator = person("operator")
    operator.set_password("long enough to be kept")
    operator.save()
    Client().force_login(operator)
    people.deactivate(person=operator, actor=None, now=NOW)
    assert not Session.objects.exists()
    assert not Client().login(username="operator", password="long enough to be kept")
    operator.refresh_from_db()
    assert not operator.roles.exists()
    with pytest.raises(PersonRefused, match="already deactivated"):
        people.deactivate(person=operator, actor=None, now=NOW)
    back = add("operator", "auditor", workspace=workspace).person
    assert back == operator
    assert not back.has_usable_password()
    assert not may(back, "decide", workspace)


def test_a_login_that_only_looks_alike_brings_nobody_back(workspace: Workspace, person: Person) -> None:
    people.deactivate(person=add("issy", workspace=workspace).person, actor=None, now=NOW)
    with pytest.raises(PersonRefused, match="is taken"):
        add("\u0131ssy", "administrator")
    assert add("ISSY", workspace=workspace).person.username == "issy"


def test_signing_out_everywhere_ends_the_sessions_and_nothing_else(workspace: Workspace, person: Person) -> None:
    for login in ("operator", "reviewer", "operator"):
        Client().force_login(person(login))
    people.sign_out(person=person("operator"), actor=person("administrator"), now=NOW)
    assert Session.objects.count() == 1
    assert may(person("operator"), "operate", workspace)
    assert told("person.signed_out")[0]["login"] == "operator"


def test_the_person_and_the_administrators_are_told(workspace: Workspace, other: Workspace, person: Person) -> None:
    there = User.objects.create(username="there", email="there@portal.example")
    give_role(there, "administrator", other)
    person("administrator")
    change = add(workspace=workspace, actor=person("administrator"))
    assert emails.tell(change, now=NOW) == []
    assert [sorted(message.to) for message in mail.outbox] == [["ana@new.example"], ["administrator@portal.example"]]
    assert "/accounts/password/reset/key/" in mail.outbox[0].body
    assert "/accounts/password/reset/key/" not in mail.outbox[1].body
    assert "administrator added ana (ana@new.example): reviewer in main" in mail.outbox[1].body
    mail.outbox.clear()
    emails.tell(grant(change.person, "auditor", workspace), now=NOW)
    assert "from reviewer to auditor" in mail.outbox[0].body
    assert "there@portal.example" not in [address for message in mail.outbox for address in message.to]


def test_the_old_address_is_told_of_the_new_one(workspace: Workspace, person: Person) -> None:
    change = people.change_email(
        person=person("reviewer"), email="new@portal.example", actor=person("administrator"), now=NOW
    )
    emails.tell(change, now=NOW)
    written = {message.to[0]: str(message.body) for message in mail.outbox}
    assert set(written) == {"reviewer@portal.example", "new@portal.example", "administrator@portal.example"}
    assert "from reviewer@portal.example to new@portal.example" in written["reviewer@portal.example"]
    [entry] = told("person.email_changed")
    assert (entry["address_before"], entry["address"]) == ("reviewer@portal.example", "new@portal.example")
    assert not AuditEntry.objects.filter(data__has_any_keys=["address", "address_before", "login", "email"]).exists()


def test_whoever_adds_a_workspace_administers_it(workspace: Workspace, person: Person) -> None:
    here = person("nobody")
    give_role(here, "administrator", workspace)
    other = make_workspace("other")
    people.keep_administering(workspace=other, actor=here, now=NOW)
    people.keep_administering(workspace=other, actor=person("administrator"), now=NOW)
    assert may(here, "administer", other)
    assert [(entry["workspace"], entry["login"], entry["role"]) for entry in told("role.granted")] == [
        ("other", "nobody", "administrator")
    ]


@pytest.mark.parametrize("login", ["portal", "Shell", "the person"])
def test_nobody_is_called_what_the_audit_calls_a_program(workspace: Workspace, login: str) -> None:
    with pytest.raises(PersonRefused):
        people.add_person(
            login=login, email="p@portal.example", role="reviewer", workspace=workspace, actor=None, now=NOW
        )
