"""The embedded database forgets what its files hold, where nobody is kept waiting for it."""

from __future__ import annotations

import pytest
from django.db import connection, connections

from accounts_review.models import Run
from accounts_review.tasks import nightly
from accounts_review.workflow.retention import traces

pytestmark = pytest.mark.django_db(transaction=True)


def test_while_somebody_reads_a_table_for_long_nobody_waits_behind_it() -> None:
    reader = connections.create_connection("default")
    try:
        with reader.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LIMIT 1")
            cursor.execute(f'LOCK TABLE "{cursor.fetchone()[0]}" IN ACCESS SHARE MODE')

        with pytest.raises(traces.StillRead, match="tried again"):
            nightly.scrub_job()
    finally:
        reader.close()

    assert Run.objects.get(task=traces.SCRUB).error.startswith("Somebody downloads")
    assert not traces.scrubs().exists(), "it is still owed"
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
