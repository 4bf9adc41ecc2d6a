"""The function that counts by day, changed in one place and otherwise as it stands."""

from __future__ import annotations

from django.db import migrations

_REPLACE = """
DO $$
DECLARE
    source text := pg_get_functiondef('accounts_review_count_assessments'::regproc);
BEGIN
    IF position('{before}' IN source) = 0 THEN
        RAISE EXCEPTION 'the function that counts is not as expected';
    END IF;
    EXECUTE replace(source, '{before}', '{after}');
END
$$
"""


def replaced(before: str, by: str) -> migrations.RunSQL:
    """A piece of it replaced, and back; both are SQL inside quotes, so that a quote is written twice."""
    return migrations.RunSQL(_REPLACE.format(before=before, after=by), _REPLACE.format(before=by, after=before))
