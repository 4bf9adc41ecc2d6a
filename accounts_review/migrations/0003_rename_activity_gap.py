"""Two things get the name that they have on screens: a long silence that ended, and how many speak against a clean-up."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0002_triggers")]

    operations = [
        migrations.RenameModel("Return", "ActivityGap"),
        migrations.AlterField(
            "ActivityGap",
            "account",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="activity_gaps",
                to="accounts_review.account",
            ),
        ),
        migrations.RenameField("Cleanup", "regret_accepted", "against_accepted"),
        migrations.AlterField("ConnectionCheck", "at", models.DateTimeField(verbose_name="checked")),
    ]
