"""Who agreed to a looser policy, so that another administrator confirms it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0005_retention")]
    operations = [
        migrations.AddField(
            model_name="policypreview",
            name="agreed_by",
            field=models.CharField(blank=True, default="", max_length=150, verbose_name="agreed by"),
        ),
    ]
