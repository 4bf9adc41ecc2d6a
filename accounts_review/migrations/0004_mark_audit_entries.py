"""Entries carry a mark that only the portal can write; those that stand already are marked as they are."""

import hmac
from typing import Any

from django.db import migrations, models

TABLE = "accounts_review_auditentry"


def mark_what_stands(apps: Any, schema_editor: Any) -> None:
    from accounts_review.models import AuditKey

    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"SELECT seq, digest FROM {TABLE} WHERE mark = ''")
        standing = cursor.fetchall()
        if not standing:
            return
        key = AuditKey.current()
        marks = [(hmac.digest(key, digest.encode(), "sha256").hex(), seq) for seq, digest in standing]
        cursor.execute(f"ALTER TABLE {TABLE} DISABLE TRIGGER USER")
        cursor.executemany(f"UPDATE {TABLE} SET mark = %s WHERE seq = %s", marks)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {TABLE} ENABLE TRIGGER USER")


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0003_rename_activity_gap")]
    operations = [
        migrations.CreateModel(
            name="AuditKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed", models.TextField()),
            ],
            options={"ordering": ("pk",), "default_permissions": ()},
        ),
        migrations.AddField(
            model_name="auditentry",
            name="mark",
            field=models.CharField(
                db_default="", default="", help_text="What only the portal can write, not the database.", max_length=64
            ),
        ),
        migrations.RunPython(mark_what_stands, migrations.RunPython.noop),
    ]
