"""The columns and the constraint that still had a name from before each thing had one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0012_acts_on_many")]
    operations = [
        migrations.RenameField("case", "readings", "rechecks"),
        migrations.AlterField(
            "case",
            "rechecks",
            models.JSONField(default=list, help_text="Later checks that settle an unknown outcome."),
        ),
        migrations.RenameField("heldrecord", "reading", "held_sync"),
        migrations.RunSQL(
            "ALTER INDEX one_extraction_at_a_time RENAME TO one_sync_at_a_time",
            "ALTER INDEX one_sync_at_a_time RENAME TO one_extraction_at_a_time",
            state_operations=[
                migrations.RemoveConstraint("sync", "one_extraction_at_a_time"),
                migrations.AddConstraint(
                    "sync",
                    models.UniqueConstraint(
                        fields=["workspace"], condition=models.Q(state="running"), name="one_sync_at_a_time"
                    ),
                ),
            ],
        ),
    ]
