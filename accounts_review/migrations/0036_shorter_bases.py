"""What a judgement rests on is told in half as many letters: of nearly everyone, in two digests of 32.

Nobody is judged anew for it.
"""

from django.db import migrations

# Of an account of which the record tells all, what followed its digest was the same for everybody.
NOTHING_ELSE = ":false:99914b932bd37a50b983c5e7c90ae93b::"
_SHORTEN = f"""
UPDATE {{table}} SET basis = left(basis, 32) || CASE
    WHEN right(basis, {len(NOTHING_ELSE)}) = '{NOTHING_ELSE}' THEN substr(basis, 65, length(basis) - {64 + len(NOTHING_ELSE)})
    ELSE substr(basis, 65) END
WHERE strpos(basis, ':') = 65;
"""
# Counts by day do not follow from what is changed here.
SHORTER = f"""
ALTER TABLE accounts_review_assessment DISABLE TRIGGER count_updated;
{_SHORTEN.format(table="accounts_review_assessment")}
ALTER TABLE accounts_review_assessment ENABLE TRIGGER count_updated;
{_SHORTEN.format(table="accounts_review_previewedassessment")}
UPDATE accounts_review_workspace SET rights_digest = left(rights_digest, 32);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0035_quarantined_sync")]

    operations = [migrations.RunSQL(SHORTER, migrations.RunSQL.noop)]
