"""Rows made by the thousand: each is like another but for its own columns, and what one is given the others lack."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts_review.models import Account, Exemption, Workspace
from accounts_review.models.copying import alike, as_read, copy, copy_in_portions, new_keys
from tests.stage import SetStage


def test_a_row_is_like_another_but_for_its_own_columns_and_relations() -> None:
    one = Exemption(reason="asked for", by_login="mara")
    account = Account(pk=7, username="zoe")
    row = alike(one, {"account": account}, account_id=7, by_login="noor")
    assert (row.reason, row.by_login, row.account_id, row.account) == ("asked for", "noor", 7, account)
    assert one.by_login == "mara"
    assert not one._state.fields_cache
    other = alike(row, {"account": Account(pk=8)}, account_id=8)
    assert (row.account.pk, other.account.pk) == (7, 8)


@pytest.mark.django_db
def test_what_was_not_read_of_a_row_is_read_when_it_is_asked_for(set_stage: SetStage) -> None:
    stage = set_stage(others=1)
    stored = Account.objects.order_by("pk")[0]
    row = alike(as_read(Account, ("id", "username")), id=stored.pk, username="as it was read")
    assert row.username == "as it was read"
    assert (row.email, row.workspace) == (stored.email, stage.workspace)


@pytest.mark.django_db
def test_new_keys_are_nobody_elses(set_stage: SetStage) -> None:
    stage = set_stage(others=1)
    keys = new_keys(Workspace, 3)
    assert len({*keys, stage.workspace.pk}) == 4


@pytest.mark.django_db(transaction=True)
def test_whoever_asks_the_database_while_rows_are_copied_is_refused_in_place_of_waiting_for_ever(
    set_stage: SetStage,
) -> None:
    stage = set_stage(others=3)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE copied (name text)")
    asking = ((Account.objects.get(pk=key).username,) for key in Account.objects.values_list("pk", flat=True))
    with pytest.raises(RuntimeError, match="cannot be asked: SELECT"):
        copy("COPY copied FROM STDIN", asking)
    names = Account.objects.order_by("pk").values_list("username")
    copy_in_portions("COPY copied FROM STDIN", names.iterator(chunk_size=2))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM copied; DROP TABLE copied")
        assert cursor.fetchone() == (stage.workspace.accounts.count(),)
