"""Accounts without any date come last, be the order oldest or newest first: that takes an index for each."""

import datetime

from django.db import migrations, models
from django.db.models.functions import Coalesce

EVER = datetime.datetime(9999, 12, 30, tzinfo=datetime.UTC)


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0028_find_who_bounced")]

    operations = [
        migrations.RenameIndex("assessment", "assessment_newest_first", old_name="assessment_by_activity"),
        migrations.AddIndex(
            "assessment",
            models.Index(
                Coalesce("activity_at", models.Value(EVER)),
                models.F("account"),
                condition=models.Q(("is_listed", True)),
                name="assessment_oldest_first",
            ),
        ),
    ]
