"""Storing a million accounts checked, for each, that its workspace is there: whoever stores them holds the workspace."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0018_exceptional_accounts_again")]
    operations = [
        migrations.AlterField(
            "account",
            "workspace",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="accounts",
                to="accounts_review.workspace",
            ),
        ),
    ]
