"""Rows made by the thousand: each is like another but for its own columns, and what one is given the others lack."""

from __future__ import annotations

import pytest

from accounts_review.models import Account, Exemption, Workspace
from accounts_review.models.copying import alike, as_read, new_keys
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
