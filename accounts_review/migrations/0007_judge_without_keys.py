"""Judging a million accounts locked, and so rewrote, each of their wide rows: the key of a judgement is not checked."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("accounts_review", "0006_agree_to_a_policy")]

    operations = [
        migrations.AlterField(
            model_name='assessment',
            name='account',
            field=models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='assessment', serialize=False, to='accounts_review.account'),
        ),
        migrations.AlterField(
            model_name='assessment',
            name='policy',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts_review.policyversion'),
        ),
        migrations.AlterField(
            model_name='previewedassessment',
            name='account',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='previewed', to='accounts_review.account'),
        ),
    ]
