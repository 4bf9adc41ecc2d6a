"""A case that a dry run would have revoked is called so in English, too; nothing changes in the database."""

from django.db import migrations, models

STATES = {
    "in_draft": "in draft",
    "awaiting_notice": "awaiting notice",
    "noticed": "warned",
    "due": "due",
    "claimed": "final check",
    "intended": "being revoked",
    "revoked": "revoked",
    "already_gone": "already gone",
    "spared": "spared",
    "refused": "refused",
    "unknown": "outcome unknown",
    "would_revoke": "would be revoked",
    "undeliverable": "undeliverable",
    "withdrawn": "withdrawn",
}


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0033_newest_sync")]

    operations = [
        migrations.AlterField(
            model_name="case",
            name="state",
            field=models.CharField(
                choices=list(STATES.items()), default="in_draft", max_length=16, verbose_name="state"
            ),
        ),
    ]
