"""What a preview makes of everybody is counted once, when it was computed, as its page says; not for each reader.

One that is ready has no such counts yet: it waits for somebody to go on with it.
"""

from django.db import migrations, models

STOP = "UPDATE accounts_review_policypreview SET state = 'stopped' WHERE state = 'ready'"


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0025_find_what_is_recent")]

    operations = [
        migrations.AddField("policypreview", "moves", models.JSONField(default=list)),
        migrations.RunSQL(STOP, migrations.RunSQL.noop),
    ]
