"""A sync finds the few accounts that are absent, in doubt or cleared for now by an index of their own."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0008_deliver_the_audit")]
    operations = [
        migrations.AddIndex(
            "account",
            models.Index(
                condition=Q(
                    ("absent_since__isnull", False),
                    ("gone_at__isnull", False),
                    ("unconfirmed_activity_at__isnull", False),
                    Q(("disputed", []), _negated=True),
                    _connector="OR",
                ),
                fields=["workspace"],
                name="account_exceptions",
            ),
        ),
    ]
