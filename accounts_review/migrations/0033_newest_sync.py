"""The newest sync is the one that began last, whatever the clock said."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0032_name_who_proposed")]

    operations = [
        migrations.AlterModelOptions(name="sync", options={"default_permissions": (), "ordering": ("-pk",)}),
    ]
