"""Two database roles: the owner migrates, and the one that runs the portal can only read and add to the audit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

ROOT = Path(__file__).parents[2]
Manage = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow(reason="a database of its own is made and migrated")


@pytest.fixture
def server(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """A real server, as its superuser."""
    known = connection.get_connection_params()
    with psycopg.connect(host=known["host"], user=known["user"], dbname="postgres", autocommit=True) as superuser:
        _forget(superuser)
        superuser.execute("CREATE DATABASE two_roles")
        yield superuser
        _forget(superuser)


def _forget(superuser: psycopg.Connection) -> None:
    superuser.execute("DROP DATABASE IF EXISTS two_roles WITH (FORCE)")
    for role in ("two_portal", "two_owner"):
        if superuser.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
            superuser.execute(f"DROP OWNED BY {role}")
            superuser.execute(f"DROP ROLE {role}")


@pytest.fixture
def manage(server: psycopg.Connection, tmp_path: Path) -> Manage:
    host = server.info.host
    env = {name: value for name, value in os.environ.items() if name in ("HOME", "PATH", "LANG", "TMPDIR")}
    env |= {"DATA_DIR": str(tmp_path), "SECRET_KEY": "of-this-test-only-" * 4}
    env |= {"DATABASE_URL": f"postgres://two_portal@/two_roles?host={host}"}
    env |= {"DATABASE_OWNER_URL": f"postgres://two_owner@/two_roles?host={host}"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)

    return run


def test_the_owner_migrates_and_the_portal_can_only_read_and_add(server: psycopg.Connection, manage: Manage) -> None:
    printed = manage("database_roles")
    assert printed.returncode == 0, printed.stderr
    created = printed.stdout.partition("SET ROLE")[0]
    with psycopg.connect(host=server.info.host, user=server.info.user, dbname="two_roles", autocommit=True) as inside:
        inside.execute(created)
        inside.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    migrated = manage("migrate", "--noinput")
    assert migrated.returncode == 0, migrated.stderr
    again = manage("migrate", "--noinput")
    assert (again.returncode, again.stderr) == (0, ""), "what the owner can do is no fault of the running role"
    assert manage("add_person", "ada", "ada@x.example", "administrator").returncode == 0
    verified = manage("audit_verify")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert manage("check", "--database", "default").returncode == 0
    with psycopg.connect(host=server.info.host, user="two_portal", dbname="two_roles", autocommit=True) as portal:
        for act in (
            "UPDATE accounts_review_auditentry SET kind = 'x'",
            "DELETE FROM accounts_review_auditentry",
            "TRUNCATE accounts_review_auditentry",
            "DELETE FROM accounts_review_personaldata",
            "ALTER TABLE accounts_review_auditentry DISABLE TRIGGER USER",
            "DROP TRIGGER append_only_rows ON accounts_review_auditentry",
            "SET session_replication_role = replica",
            "CREATE OR REPLACE FUNCTION accounts_review_append_only() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RETURN NEW; END $$",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                portal.execute(act)
    server.execute("ALTER ROLE two_portal SUPERUSER")
    refused = manage("audit_verify")
    assert refused.returncode == 1
    assert "SUPERUSER: the portal's role can do this to the audit" in refused.stderr
    for asked in (["check", "--database", "default"], ["migrate", "--noinput"]):
        assert "can do this to the audit: SUPERUSER" in manage(*asked).stderr


@pytest.mark.parametrize("owner", ["Owner", "user", "two owners", 'a"b'])
def test_the_printed_sql_names_the_owner_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], owner: str
) -> None:
    monkeypatch.setattr("accounts_review.management.commands.database_roles.OWNER_ROLE", owner)
    monkeypatch.setitem(connection.settings_dict, "ENGINE", "django.db.backends.postgresql")
    call_command("database_roles")
    named = '"{}"'.format(owner.replace('"', '""'))
    assert f"\nSET ROLE {named};\n" in capsys.readouterr().out


def test_the_embedded_database_has_one_role(db: None) -> None:
    if "embedded" in connection.settings_dict["ENGINE"]:
        with pytest.raises(CommandError, match="one role"):
            call_command("database_roles")
