"""Indexes that nobody searches, and one that made each further entry dearer, leave the audit.

Digests are never searched by their beginning, for which Django makes an index of its own. All rows without a name were
in one bucket of the index of names.
"""

import django.db.models.deletion
from django.contrib.postgres.indexes import HashIndex
from django.db import migrations, models

BY_BEGINNING = (
    ("auditentry", "actor_ref_id", "accounts_review_auditentry_actor_ref_id_1f35ddef_like"),
    ("auditentry", "subject_ref_id", "accounts_review_auditentry_subject_ref_id_a316c234_like"),
    ("personaldata", "digest", "accounts_review_personaldata_digest_1f71cc78_like"),
)


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0015_count_by_a_fresh_plan")]

    operations = [
        *(
            migrations.RunSQL(
                f"DROP INDEX IF EXISTS {name}",
                f"CREATE INDEX {name} ON accounts_review_{table} ({column} varchar_pattern_ops)",
            )
            for table, column, name in BY_BEGINNING
        ),
        migrations.AlterField(
            "auditentry",
            "personal",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts_review.personaldata",
            ),
        ),
        migrations.RemoveIndex("personaldata", "personal_data_by_name"),
        migrations.AddIndex(
            "personaldata",
            HashIndex(fields=["name"], condition=~models.Q(name=""), name="personal_data_by_its_name"),
        ),
    ]
