"""Counting by day looks each account up by its key: a join of all with all was what a plan for few rows made of it.

With statistics from before a table grew, the database took 20,000 rows for 200 and compared each with each.
"""

from django.db import migrations

from accounts_review.migrations._function import replaced

JOINED = """UPDATE accounts_review_assessment wrong SET is_listed = NOT wrong.is_listed
        FROM after JOIN accounts_review_account account ON account.id = after.account_id
        WHERE wrong.account_id = after.account_id
            AND after.is_listed <> (account.absent_since IS NULL AND account.gone_at IS NULL)"""
LOOKED_UP = """UPDATE accounts_review_assessment SET is_listed = NOT is_listed WHERE account_id = ANY(ARRAY(
            SELECT account_id FROM after WHERE is_listed <> (
                SELECT absent_since IS NULL AND gone_at IS NULL FROM accounts_review_account WHERE id = account_id
            )
        ))"""


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0020_audit_by_workspace")]

    operations = [
        replaced(JOINED, by=LOOKED_UP)
    ]
