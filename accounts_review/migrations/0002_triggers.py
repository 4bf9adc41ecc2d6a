"""Triggers of the audit and of the personal data beside it, the table that counts sign-ins, schedules that stand once.

A superuser of the database can still switch triggers off; the hash chain then shows what was done.
"""

from typing import Any

from django.core.management import call_command
from django.db import migrations

CREATE = """
CREATE FUNCTION accounts_review_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON accounts_review_auditentry
    FOR EACH ROW EXECUTE FUNCTION accounts_review_append_only();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON accounts_review_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_review_append_only();
CREATE FUNCTION accounts_review_erase_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.digest = OLD.digest AND NEW.account_id IS NOT DISTINCT FROM OLD.account_id
        AND OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL
        AND NEW.name = '' AND NEW.details = '{}' AND NEW.salt = '' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'personal data of the audit are erased or left as they are: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER erase_only_rows BEFORE UPDATE OR DELETE ON accounts_review_personaldata
    FOR EACH ROW EXECUTE FUNCTION accounts_review_erase_only();
CREATE TRIGGER erase_only_table BEFORE TRUNCATE ON accounts_review_personaldata
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_review_erase_only();
"""
DROP = """
DROP TRIGGER erase_only_table ON accounts_review_personaldata;
DROP TRIGGER erase_only_rows ON accounts_review_personaldata;
DROP FUNCTION accounts_review_erase_only();
DROP TRIGGER append_only_table ON accounts_review_auditentry;
DROP TRIGGER append_only_rows ON accounts_review_auditentry;
DROP FUNCTION accounts_review_append_only();
"""

# Two workers that started together could make a schedule twice; the oldest is kept.
SCHEDULES_ONCE = """
DELETE FROM django_q_schedule AS later USING django_q_schedule AS first
    WHERE later.name = first.name AND later.id > first.id;
CREATE UNIQUE INDEX accounts_review_schedule_once ON django_q_schedule (name);
"""


def create_cache_table(apps: Any, schema_editor: Any) -> None:
    call_command("createcachetable", verbosity=0, database=schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts_review", "0001_schema"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(SCHEDULES_ONCE, "DROP INDEX accounts_review_schedule_once;"),
        migrations.RunPython(create_cache_table, migrations.RunPython.noop),
    ]
