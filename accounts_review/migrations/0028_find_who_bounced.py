"""The overview asks whose notice came back: few, however many cases there are."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0027_synced_pages")]
    operations = [
        migrations.AddIndex(
            "case", models.Index(fields=["cleanup"], condition=Q(bounced_at__isnull=False), name="case_bounced")
        ),
    ]
