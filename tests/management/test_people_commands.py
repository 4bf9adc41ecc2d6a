"""Adding a colleague from the shell, as README says."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from accounts_review.models import AuditEntry, Hold, Workspace, may
from tests.factories import make_workspace

PASSWORD = "a sentence of several words"


def run(*argv: str) -> str:
    out = StringIO()
    call_command(*argv, stdout=out, stderr=StringIO())
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
