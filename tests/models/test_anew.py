"""When a table is written anew; how that goes is shown where policies come into force."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts_review.models import Assessment, Workspace, anew
from accounts_review.workflow.assess.assess import assess
from tests.factories import make_account


def test_it_pays_where_most_of_very_many_rows_change(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        make_account(workspace, f"n{number}")
    assess(workspace=workspace)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Assessment._meta.db_table}")
    assert not anew.pays(Assessment, changed=4)
    monkeypatch.setattr(anew, "MANY", 2)
    assert [anew.pays(Assessment, changed=changed) for changed in (1, 2, 4)] == [False, True, True]
    make_account(workspace, "n4")
    make_account(workspace, "n5")
    assess(workspace=workspace)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Assessment._meta.db_table}")
    assert not anew.pays(Assessment, changed=2)
