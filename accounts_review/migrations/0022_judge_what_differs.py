"""A judgement no longer names the policy: that everybody was judged by a version is said once, of the version.

So a new policy writes only the judgements that it changes.
"""

from django.db import migrations, models

TABLE = "accounts_review_assessment"
# Counts by day do not follow from what is changed here.
WITHOUT_POLICY = f"""
ALTER TABLE {TABLE} DISABLE TRIGGER count_updated;
UPDATE {TABLE} SET basis = substr(basis, strpos(basis, ':') + 1);
ALTER TABLE {TABLE} ENABLE TRIGGER count_updated;
UPDATE accounts_review_policyversion version SET is_judged = true
WHERE is_current AND NOT EXISTS (
    SELECT FROM {TABLE} judged JOIN accounts_review_policyversion other ON other.id = judged.policy_id
    WHERE other.workspace_id = version.workspace_id AND judged.policy_id <> version.id
);
"""
# To the earlier code, what marks an account in a preview would be a judgement.
WITH_POLICY = f"""
DELETE FROM accounts_review_previewedassessment;
ALTER TABLE {TABLE} DISABLE TRIGGER count_updated;
UPDATE {TABLE} judged SET policy_id = version.id
FROM accounts_review_policyversion other JOIN accounts_review_policyversion version
    ON version.workspace_id = other.workspace_id AND version.is_current AND version.is_judged
WHERE other.id = judged.policy_id AND judged.policy_id <> version.id;
UPDATE {TABLE} SET basis = policy_id || ':' || basis;
ALTER TABLE {TABLE} ENABLE TRIGGER count_updated;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0021_count_without_joins")]

    operations = [
        migrations.AddField(
            "policyversion",
            "is_judged",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="Everybody was judged by it; who has changed since is judged anew.",
            ),
        ),
        migrations.AlterField(
            "assessment",
            "basis",
            models.CharField(help_text="Rights and record that the assessment rests on.", max_length=200),
        ),
        migrations.AlterField(
            "previewedassessment",
            "basis",
            models.CharField(help_text="Rights and record that the assessment rests on.", max_length=200),
        ),
        migrations.RunSQL(WITHOUT_POLICY, WITH_POLICY),
    ]
