"""Of each page also the digests of its records, so that a night in which few changed finds them by their places.

What was kept is left behind: the next complete sync keeps its pages.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0030_find_who_returned")]

    operations = [
        migrations.DeleteModel(name="SyncedPages"),
        migrations.CreateModel(
            name="SyncedPage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("digest", models.BinaryField()),
                ("members", models.BinaryField()),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="synced_pages",
                        to="accounts_review.workspace",
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="syncedpage",
            constraint=models.UniqueConstraint(fields=("workspace", "number"), name="one_synced_page_of_a_number"),
        ),
    ]
