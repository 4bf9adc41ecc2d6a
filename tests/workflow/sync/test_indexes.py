"""The index that searches rest on is put off at a first load only, and is there afterwards, whoever dies in between."""

from __future__ import annotations

import os
import signal

import pytest
from django.db import IntegrityError, connection, connections, transaction

from accounts_review.models import Account, Assessment, Sync, indexes
from accounts_review.workflow.assess import assess
from accounts_review.workflow.sync import store as store_module
from accounts_review.workflow.sync import sync as sync_module
from accounts_review.workflow.sync.sync import sync_workspace
from tests.stage import SetStage, Stage, client_of, someone
from tests.workflow.revoke.test_crash import ended_by, in_child

pytestmark = pytest.mark.django_db(transaction=True)

SEARCH, IDLENESS, UNIQUE = "account_search", "assessment_by_idleness", "incarnation_once"


def is_there(name: str = SEARCH) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        return bool(cursor.fetchone() == (True,))


@pytest.fixture
def stage(set_stage: SetStage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(indexes, "MANY", 10)
    return set_stage(someone("marie"), synced=False)


def test_a_first_load_does_without_and_makes_it_when_all_are_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    store = sync_module._store

    def look(*args: object, **given: object) -> None:
        seen.append(is_there())
        store(*args, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(sync_module, "_store", look)
    assert stage.sync().state == "complete"
    assert (seen, is_there()) == ([False], True)
    stage.site.workspace.put(someone("zoé"))
    stage.sync()
    assert (seen, is_there()) == ([False, True], True), "what is there is not made anew"
    assert [account.username for account in Account.objects.search("mari")] == ["marie"]


def test_what_keeps_accounts_apart_is_made_in_the_transaction_that_stores_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    store_rights = store_module.rights_digest

    def look(*args: object) -> str:
        seen.append(is_there(UNIQUE))
        return store_rights(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(store_module, "rights_digest", look)
    assert stage.sync().state == "complete"
    assert (seen, is_there(UNIQUE)) == ([False], True)
    stage.site.workspace.put(someone("zoé"))
    stage.sync()
    assert seen == [False, True], "where accounts are stored, it stays"


def test_of_two_that_are_the_same_none_is_stored_while_it_is_missing(stage: Stage) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {UNIQUE}")
    twins = [Account(workspace=stage.workspace, username="marie", read_at=stage.clock()) for _ in range(2)]
    with pytest.raises(IntegrityError), transaction.atomic(), indexes.keeping_unique(Account):
        Account.objects.bulk_create(twins)
    assert not Account.objects.exists()
    assert stage.sync().state == "complete"
    assert is_there(UNIQUE)


def test_so_are_those_of_the_judgements(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    judge = assess._judge

    def look(*args: object, **given: object) -> bool:
        seen.append(is_there(IDLENESS))
        return judge(*args, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(assess, "_judge", look)
    stage.sync()
    assert (seen, is_there(IDLENESS)) == ([False], True)
    assert stage.verdicts()["marie"] == "dormant"


def test_who_was_judged_by_another_process_meanwhile_is_judged_all_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = assess._judge

    def meet_another(*args: object, **given: object) -> bool:
        judge(*args)  # type: ignore[arg-type]
        return judge(*args, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(assess, "_judge", meet_another)
    stage.sync()
    assert Assessment.objects.count() == Account.objects.count() > 0
    assert stage.verdicts()["marie"] == "dormant"


@pytest.mark.parametrize("step", ["_store", "make_missing"])
def test_whoever_is_killed_in_between_leaves_it_to_the_next_sync(stage: Stage, step: str) -> None:
    place = sync_module if step == "_store" else indexes

    def die(*args: object, **given: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def read() -> None:
        setattr(place, step, die)
        with client_of(stage.url) as client:
            sync_workspace(workspace=stage.workspace, client=client, key_owner="", clock=stage.clock)

    assert ended_by(in_child(read)) == signal.SIGKILL
    assert not is_there()
    assert is_there(UNIQUE) == (step != "_store")
    assert stage.sync().state == "complete"
    assert is_there()
    assert is_there(UNIQUE)
    assert Sync.objects.filter(state="complete").exists()
    assert stage.verdicts()["marie"] == "dormant"


def test_whoever_judges_next_makes_what_is_missing(stage: Stage) -> None:
    stage.sync()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {SEARCH}, {IDLENESS}")
    assert assess.assess(workspace=stage.workspace) == 0
    assert is_there(SEARCH)
    assert is_there(IDLENESS)


def test_a_first_load_that_keeps_its_indexes_has_the_database_look_through_it_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "MANY", 10_000)
    monkeypatch.setattr(indexes, "LARGE", 1)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE accounts_review_account, accounts_review_assessment CASCADE")

    stage.sync()
    assert stage.verdicts()["marie"] == "dormant"

    with connection.cursor() as cursor:
        names = ["accounts_review_account", "accounts_review_assessment"]
        cursor.execute("SELECT reltuples = %s FROM pg_class WHERE relname = ANY(%s)", [Account.objects.count(), names])
        assert cursor.fetchall() == [(True,), (True,)]


def test_while_another_process_makes_them_nobody_else_does(stage: Stage) -> None:
    """Two that make indexes of one table wait for each other, until the database ends one of them."""
    stage.sync()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {SEARCH}")
    other = connections.create_connection("default")
    key = indexes.lock_of(Account)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", key)
            indexes.make_missing(Account)
            assert not is_there(SEARCH)
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)
        indexes.make_missing(Account)
        assert is_there(SEARCH)
    finally:
        other.close()


def test_nobody_waits_for_long_to_have_a_table_looked_through(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who makes an index keeps others from it, and waits in turn for who downloads: a decision on very many goes on."""
    monkeypatch.setattr(indexes, "PATIENCE", "100ms")
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE accounts_review_assessment IN SHARE UPDATE EXCLUSIVE MODE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20s'")
        indexes.look_through(Account, Assessment)
    finally:
        other.close()
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("20s",)
            cursor.execute("RESET lock_timeout")
