"""Each index costs 2 to 3 us for every account whose limit changes: four of them become two and a small one.

A limit that moves also moves what is counted by day, so nobody needs to be counted again.
"""

import datetime

from django.db import migrations, models
from django.db.models.functions import Coalesce

from accounts_review.migrations._function import replaced

BEFORE_ALL_DATES = datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)
LISTED = models.Q(("is_listed", True))
COUNTING = "BEGIN\n    IF TG_OP = ''DELETE'' THEN"
UNLESS_MOVED = """BEGIN
    IF TG_OP = ''UPDATE'' AND current_setting(''accounts_review.counts_follow'', true) = ''on'' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = ''DELETE'' THEN"""


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0023_search_one_text")]

    operations = [
        *(
            migrations.RemoveIndex("assessment", f"assessment_{name}")
            for name in ("by_idleness", "dormant_from", "oldest_first", "newest_first")
        ),
        migrations.AddIndex(
            "assessment",
            models.Index(fields=["dormant_from", "account", "standing"], condition=LISTED, name="assessment_by_day"),
        ),
        migrations.AddIndex(
            "assessment",
            models.Index(
                fields=["standing", "dormant_from", "account"],
                condition=LISTED & ~models.Q(("standing", "ordinary")),
                name="assessment_by_idleness",
            ),
        ),
        migrations.AddIndex(
            "assessment",
            models.Index(
                Coalesce("activity_at", models.Value(BEFORE_ALL_DATES)),
                models.F("account"),
                condition=LISTED,
                name="assessment_by_activity",
            ),
        ),
        replaced(COUNTING, by=UNLESS_MOVED),
    ]
