"""Two roles in the database: the owner migrates, the other runs the portal and can only read and add to the audit."""

from __future__ import annotations

import hashlib
import hmac

from psycopg import sql
from psycopg.sql import SQL, Composed, Identifier, Literal

OWNED = """DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v')
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO %I', r.name, {owner_name}); END LOOP;
  FOR r IN SELECT p.oid::regprocedure AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'public' AND p.proname LIKE 'accounts_review_%'
  LOOP EXECUTE format('ALTER FUNCTION %s OWNER TO %I', r.name, {owner_name}); END LOOP;
END $$;
"""
CREATED = """CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD {owner_password};
CREATE ROLE {role} LOGIN PASSWORD {password};
ALTER DATABASE {database} OWNER TO {owner};
ALTER SCHEMA public OWNER TO {owner};
"""
GRANTED = """GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {role};
REVOKE UPDATE, DELETE, TRUNCATE ON accounts_review_auditentry FROM {role};
REVOKE DELETE, TRUNCATE ON accounts_review_personaldata FROM {role};
REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role};
"""


def creation(*, owner: str, role: str, database: str) -> Composed:
    """What a superuser runs once; the passwords are to be filled in."""
    names = {"owner": Identifier(owner), "role": Identifier(role), "database": Identifier(database)}
    made = SQL(CREATED).format(**names, owner_password=Literal("..."), password=Literal("...."))
    return made + SQL(OWNED).format(owner_name=Literal(owner))


def grants(*, role: str) -> Composed:
    """What the owner runs after each migration."""
    return SQL(GRANTED).format(role=Identifier(role))


def login(*, role: str, password: str, is_known: bool) -> Composed:
    """Let a role sign in with a password; made where it is not known."""
    verb = SQL("ALTER" if is_known else "CREATE")
    return sql.SQL("{verb} ROLE {role} LOGIN PASSWORD {password}").format(
        verb=verb, role=Identifier(role), password=Literal(password)
    )


def derived_password(secret_key: str) -> str:
    """The password of the running role where nobody gave one: known to whoever knows the secret key, and no other."""
    return hmac.new(secret_key.encode(), b"cleanup_portal.database_roles", hashlib.sha256).hexdigest()
