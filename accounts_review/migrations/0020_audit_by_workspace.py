from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0019_store_accounts_unchecked")]

    operations = [
        migrations.AddIndex("auditentry", models.Index(fields=["workspace", "seq"], name="audit_by_workspace")),
    ]
