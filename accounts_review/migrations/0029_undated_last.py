"""Accounts without any date come last, be the order oldest or newest first: that takes an index for each.

A process that was killed while it judged has left out the index that goes, and one that ran the new version before the
migration has made those that come; neither may keep anybody from upgrading.
"""

import datetime

from django.db import migrations, models
from django.db.models.functions import Coalesce

NEVER = datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)
EVER = datetime.datetime(9999, 12, 30, tzinfo=datetime.UTC)


def in_order(undated: datetime.datetime, *, name: str) -> migrations.AddIndex:
    index = models.Index(
        Coalesce("activity_at", models.Value(undated)),
        models.F("account"),
        condition=models.Q(("is_listed", True)),
        name=name,
    )
    return migrations.AddIndex("assessment", index)


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0028_find_who_bounced")]

    operations = [
        migrations.RunSQL(
            "DROP INDEX IF EXISTS assessment_newest_first, assessment_oldest_first", migrations.RunSQL.noop
        ),
        migrations.RemoveIndex("assessment", "assessment_by_activity"),
        in_order(NEVER, name="assessment_newest_first"),
        in_order(EVER, name="assessment_oldest_first"),
    ]
