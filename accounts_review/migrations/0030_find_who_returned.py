"""Who came back is found without looking at all that ever were in a clean-up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0029_undated_last")]

    operations = [
        migrations.AddIndex(
            "case",
            models.Index(fields=["cleanup"], condition=models.Q(("returned_at__isnull", False)), name="case_returned"),
        )
    ]
