"""A sync finds everything that is true of few accounts by one index; the database gathers no figures about raw records."""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts_review", "0017_exemptions_by_person"),
    ]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE accounts_review_account ALTER COLUMN raw SET STATISTICS 0,
                ALTER COLUMN digest SET STATISTICS 0, ALTER COLUMN incarnation SET STATISTICS 0;
            """,
            """
            ALTER TABLE accounts_review_account ALTER COLUMN raw SET STATISTICS -1,
                ALTER COLUMN digest SET STATISTICS -1, ALTER COLUMN incarnation SET STATISTICS -1;
            """,
        ),
        migrations.RemoveIndex(
            model_name='account',
            name='account_exceptions',
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(condition=models.Q(('absent_since__isnull', False), ('gone_at__isnull', False), ('unconfirmed_activity_at__isnull', False), models.Q(('disputed', []), _negated=True), ('incomplete', True), models.Q(django.db.models.lookups.Exact(django.db.models.functions.text.Length('digest'), 32), _negated=True), ('username__startswith', '— '), _connector='OR'), fields=['workspace'], name='account_exceptions'),
        ),
    ]
