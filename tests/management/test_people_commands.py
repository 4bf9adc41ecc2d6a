"""Adding a colleague from the shell, as README says."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import Client

from accounts_review.audit import sentences
from accounts_review.audit.verification.actors import check_actors
from accounts_review.management.commands import createsuperuser
from accounts_review.models import AuditEntry, Hold, Workspace, may
from accounts_review.workflow.people import people
from tests.factories import make_workspace

PASSWORD = "a sentence of several words"


def run(*argv: str, **options: Any) -> str:
    out = StringIO()
    call_command(*argv, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def accept(link: str, client: Client) -> int:
    """Follow a link and set a password, as a browser would; returns how the last page answered."""
    answer = client.get(link.removeprefix("http://127.0.0.1:8000"), follow=True)
    where = answer.redirect_chain[-1][0] if answer.redirect_chain else ""
    return client.post(where, {"password1": PASSWORD, "password2": PASSWORD}).status_code if where else 404


def test_a_link_is_good_once_and_leads_to_a_login_that_may_what_the_role_may(workspace: Workspace) -> None:
    link = run("add_person", "ana", "ana@new.example", "reviewer").splitlines()[-1]
    assert link in str(mail.outbox[0].body)
    assert accept(link, Client()) == 302
    client = Client()
    assert client.login(username="ana", password=PASSWORD)
    assert client.get("/w/main/review/").status_code == 200
    assert client.get("/people/").status_code == 403
    again = Client()
    accept(link, again)
    assert b"password1" not in again.get(link.removeprefix("http://127.0.0.1:8000"), follow=True).content
    ana = User.objects.get(username="ana")
    assert ana.check_password(PASSWORD)
    assert not may(ana, "operate", workspace)


def test_with_several_workspaces_one_must_be_named(workspace: Workspace) -> None:
    other = make_workspace("other")
    with pytest.raises(CommandError, match="Say which with --workspace"):
        run("add_person", "ana", "ana@new.example", "reviewer")
    run("add_person", "ana", "ana@new.example", "reviewer", "--workspace", "other")
    ana = User.objects.get(username="ana")
    assert (may(ana, "read", workspace), may(ana, "read", other)) == (False, True)
    run("grant", "ana", "auditor", "--workspace", "all")
    assert may(ana, "read", make_workspace("later"))
    with pytest.raises(CommandError, match="no workspace 'nowhere'"):
        run("grant", "ana", "auditor", "--workspace", "nowhere")


def test_an_actor_must_administer_what_is_changed(workspace: Workspace) -> None:
    make_workspace("other")
    run("add_person", "boss", "boss@new.example", "administrator", "--workspace", "main")
    run("add_person", "ana", "ana@new.example", "auditor", "--workspace", "main", "--actor", "boss")
    for argv in (
        ("grant", "ana", "operator", "--workspace", "other", "--actor", "boss"),
        ("grant", "ana", "operator", "--workspace", "all", "--actor", "boss"),
        ("add_person", "eve", "eve@new.example", "auditor", "--workspace", "main", "--actor", "ana"),
        ("deactivate", "boss", "--actor", "ana"),
    ):
        with pytest.raises(CommandError, match="may not do this; it takes one of the roles: administrator"):
            run(*argv)
    assert run("grant", "ana", "operator", "--workspace", "main", "--actor", "boss").startswith("ana is now operator")
    assert AuditEntry.objects.get(kind="role.granted").actor == "boss"


def test_deactivate_ends_all_or_one_role(workspace: Workspace) -> None:
    make_workspace("other")
    run("add_person", "ana", "ana@new.example", "auditor", "--workspace", "main")
    run("grant", "ana", "auditor", "--workspace", "other")
    assert run("deactivate", "ana", "--workspace", "other") == "ana has no role in other any more; before: auditor\n"
    ana = User.objects.get(username="ana")
    assert ana.is_active
    assert run("deactivate", "ana") == "ana is deactivated; before: auditor\n"
    assert not may(ana, "read", workspace)
    with pytest.raises(CommandError, match="No active person has the login 'ana'"):
        run("grant", "ana", "auditor", "--workspace", "main")


def test_an_empty_name_of_a_workspace_never_means_all_of_them(workspace: Workspace) -> None:
    run("add_person", "ana", "ana@new.example", "administrator")
    for argv in (
        ("deactivate", "ana"),
        ("grant", "ana", "auditor"),
        ("hold", "--actor", "ana", "--reason", "look"),
        ("audit_export",),
    ):
        with pytest.raises(CommandError, match="There is no workspace ''; known: main"):
            run(*argv, "--workspace", "")
    assert not Hold.objects.exists()
    assert may(User.objects.get(username="ana", is_active=True), "administer", None)


def test_an_empty_login_never_means_the_shell_itself(workspace: Workspace) -> None:
    for argv in (("add_person", "ana", "ana@new.example", "reviewer"), ("apply_retention",)):
        with pytest.raises(CommandError, match="No active person has the login ''"):
            run(*argv, "--actor", "")
    assert not User.objects.exists()


def test_an_empty_instant_never_means_now(workspace: Workspace) -> None:
    for command in ("assess", "export_accounts"):
        with pytest.raises(CommandError, match="is not"):
            run(command, "--as-of", "")


def test_a_superuser_is_refused_with_what_to_do(workspace: Workspace) -> None:
    User.objects.create_superuser("root")
    run("add_person", "boss", "boss@new.example", "administrator")
    for argv in (("grant", "root", "auditor"), ("deactivate", "root")):
        with pytest.raises(CommandError, match="--instead-of-superuser"):
            run(*argv)
    run("grant", "root", "auditor", "--instead-of-superuser")
    run("deactivate", "root")


@pytest.mark.parametrize("login", ["portal", "Shell", "the person"])
def test_a_superuser_gets_no_login_that_stands_for_a_program(db: None, login: str) -> None:
    with pytest.raises(CommandError, match="stands for a program in the audit"):
        run("createsuperuser", "--noinput", "--username", login, "--email", "root@portal.example")
    assert not User.objects.exists()

    run("createsuperuser", "--noinput", "--username", "root", "--email", "root@portal.example")
    assert User.objects.get().is_superuser


def test_a_superuser_made_on_the_shell_is_in_the_audit_and_all_administrators_are_told(workspace: Workspace) -> None:
    make_workspace("other")
    run("createsuperuser", "--noinput", "--username", "root", "--email", "root@portal.example")
    told = AuditEntry.objects.filter(kind="role.granted")
    assert {(entry.workspace, entry.actor) for entry in told} == {("main", "shell"), ("other", "shell")}
    assert sentences.of_entry(told[0]) == "changed the role of root in the whole portal from no role to superuser"

    mail.outbox.clear()
    run("createsuperuser", "--noinput", "--username", "second", "--email", "second@portal.example", "--actor", "root")
    assert AuditEntry.objects.filter(kind="role.granted")[0].actor == "root"
    assert {message.to[0] for message in mail.outbox} == {"root@portal.example", "second@portal.example"}
    assert check_actors() == []


def test_nobody_else_makes_a_superuser_on_the_shell(workspace: Workspace) -> None:
    run("add_person", "boss", "boss@new.example", "administrator", "--workspace", "all")
    with pytest.raises(CommandError, match="it takes a superuser"):
        run("createsuperuser", "--noinput", "--username", "root", "--email", "r@portal.example", "--actor", "boss")
    assert not User.objects.filter(is_superuser=True).exists()


def test_a_password_given_on_the_shell_is_in_the_audit_and_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add_person", "boss", "boss@new.example", "administrator", "--workspace", "all")
    run("add_person", "ana", "ana@new.example", "reviewer")
    mail.outbox.clear()
    monkeypatch.setattr("getpass.getpass", lambda prompt="": PASSWORD)
    run("changepassword", "ana")
    entry = AuditEntry.objects.get(kind="person.password_set")
    assert (entry.actor, sentences.of_entry(entry)) == ("shell", "set a new password for ana")
    assert PASSWORD not in str(entry.details)
    assert {message.to[0] for message in mail.outbox} == {"ana@new.example", "boss@new.example"}
    assert "Someone at the server's command line has set a new password for your login ana" in str(mail.outbox[0].body)
    assert User.objects.get(username="ana").check_password(PASSWORD)

    run("changepassword", "ana", "--actor", "boss")
    assert AuditEntry.objects.filter(kind="person.password_set")[0].actor == "boss"


def test_a_password_that_may_not_be_given_stays_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add_person", "ana", "ana@new.example", "reviewer")
    run("add_person", "boss", "boss@new.example", "administrator", "--workspace", "all")
    monkeypatch.setattr("getpass.getpass", lambda prompt="": PASSWORD)
    with pytest.raises(CommandError, match="may not do this"):
        run("changepassword", "boss", "--actor", "ana")
    assert not User.objects.get(username="boss").has_usable_password()
    assert not AuditEntry.objects.filter(kind="person.password_set").exists()


def test_who_became_a_superuser_meanwhile_is_no_work_of_the_shell(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person may think for minutes over a prompt."""
    create = createsuperuser.Command._validate_username

    def meanwhile(*args: Any) -> str | None:
        User.objects.create_superuser("other")
        return create(*args)

    monkeypatch.setattr(createsuperuser.Command, "_validate_username", meanwhile)
    run("createsuperuser", "--noinput", "--username", "root", "--email", "root@portal.example")
    assert [entry.details["login"] for entry in AuditEntry.objects.filter(kind="role.granted")] == ["root"]


def test_who_is_deactivated_while_a_password_is_typed_stays_so(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add_person", "ana", "ana@new.example", "reviewer")

    def typed(prompt: str = "") -> str:
        User.objects.filter(username="ana").update(is_active=False)
        return PASSWORD

    monkeypatch.setattr("getpass.getpass", typed)
    run("changepassword", "ana")
    assert not User.objects.get(username="ana").is_active


def test_nothing_is_open_in_the_database_while_a_password_is_typed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("add_person", "ana", "ana@new.example", "reviewer")
    depths = []

    def typed(prompt: str = "") -> str:
        depths.append(len(connection.savepoint_ids))
        return PASSWORD

    monkeypatch.setattr("getpass.getpass", typed)
    before = len(connection.savepoint_ids)
    run("changepassword", "ana")
    assert set(depths) == {before}


class _Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_nor_while_the_password_of_a_superuser_is_typed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before, depths = len(connection.savepoint_ids), []

    def typed(prompt: str = "") -> str:
        depths.append(len(connection.savepoint_ids))
        return "root@portal.example" if prompt.startswith("Email") else PASSWORD

    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr("getpass.getpass", typed)
    run("createsuperuser", "--username", "root", stdin=_Terminal())
    assert depths == [before] * 3
    assert User.objects.get().check_password(PASSWORD)
    assert [entry.details["login"] for entry in AuditEntry.objects.filter(kind="role.granted")] == ["root"]


def test_a_login_that_is_taken_while_a_password_is_typed_is_said_to_be(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def typed(prompt: str = "") -> str:
        User.objects.get_or_create(username="root")
        return PASSWORD

    monkeypatch.setattr("getpass.getpass", typed)
    given = ("--username", "root", "--email", "root@portal.example")
    with pytest.raises(CommandError, match=r"^The login root was taken meanwhile; nothing was changed"):
        run("createsuperuser", *given, stdin=_Terminal())
    assert not User.objects.filter(is_superuser=True).exists()
    assert not AuditEntry.objects.filter(kind="role.granted").exists()


def test_a_password_that_cannot_be_recorded_is_not_given(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run("add_person", "ana", "ana@new.example", "reviewer")
    monkeypatch.setattr("getpass.getpass", lambda prompt="": PASSWORD)

    def full(*args: Any, **given: Any) -> None:
        raise OperationalError("disk full")

    monkeypatch.setattr(people, "record_password", full)
    with pytest.raises(OperationalError):
        run("changepassword", "ana")
    assert not User.objects.get(username="ana").has_usable_password()


def test_a_superuser_who_cannot_be_recorded_is_not_said_to_be_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*args: Any, **given: Any) -> None:
        raise OperationalError("disk full")

    given = ("--noinput", "--username", "root", "--email", "root@portal.example")
    with monkeypatch.context() as broken:
        broken.setattr(people, "record_superuser", full)
        with pytest.raises(OperationalError):
            call_command("createsuperuser", *given)
    assert not User.objects.exists()
    assert "created" not in capsys.readouterr().out
    assert run("createsuperuser", *given) == "Superuser created successfully.\n"
