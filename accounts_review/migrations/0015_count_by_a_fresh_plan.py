"""Counting by day plans anew how it finds the accounts: a plan that was made for few rows takes hours for many."""

from django.db import migrations

# What stands in a function of PL/pgSQL is planned once in a session, for the tables as they are then.
CREATE = """
DO $$
DECLARE
    source text := pg_get_functiondef('accounts_review_count_assessments'::regproc);
    correction text := substring(source FROM '    (UPDATE accounts_review_assessment wrong.*?);');
BEGIN
    EXECUTE replace(source, correction, 'EXECUTE ' || quote_literal(correction));
END
$$
"""
DROP = """
DO $$
DECLARE
    source text := pg_get_functiondef('accounts_review_count_assessments'::regproc);
    planned text := substring(source FROM 'EXECUTE (''UPDATE accounts_review_assessment wrong.*?'');');
BEGIN
    EXECUTE replace(source, 'EXECUTE ' || planned, trim(BOTH '''' FROM planned));
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts_review", "0014_bulk_decisions")]

    operations = [migrations.RunSQL(CREATE, DROP)]
