"""Of a policy that a second person put in force, also who proposed it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0031_keep_pages")]

    operations = [
        migrations.AddField(
            model_name="policyversion",
            name="proposed_by",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Where that was somebody else.",
                max_length=150,
                verbose_name="proposed by",
            ),
        ),
    ]
