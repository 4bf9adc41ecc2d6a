"""The pages of the last complete sync, by which one that finds nothing new looks for nobody."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0026_keep_moves")]
    operations = [
        migrations.CreateModel(
            name="SyncedPages",
            fields=[
                (
                    "workspace",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="accounts_review.workspace",
                    ),
                ),
                ("digests", models.BinaryField()),
                ("records", models.PositiveIntegerField()),
            ],
            options={"default_permissions": ()},
        ),
    ]
