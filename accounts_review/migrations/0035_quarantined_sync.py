"""Whether a sync is quarantined is answered by an index: it had every page look through all syncs ever."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0034_would_be_revoked")]

    operations = [
        migrations.AddIndex(
            model_name="sync",
            index=models.Index(
                condition=models.Q(("state", "quarantined")), fields=["workspace"], name="sync_quarantined"
            ),
        ),
    ]
