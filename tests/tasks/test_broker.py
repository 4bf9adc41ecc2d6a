"""The queue is told when there is work, and asks no more than now and then where there is none."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ
from pytest_django import Settings

from accounts_review.models import Workspace
from accounts_review.tasks import broker as broker_module
from accounts_review.tasks import queue
from tests.audit.test_concurrency import in_threads

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def hardly_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unasked, it looks once an hour: what it finds, it was told of."""
    monkeypatch.setattr(broker_module, "LONGEST_SECONDS", 3600.0)


def until_it_rests(broker: broker_module.Broker) -> None:
    while broker.dequeue() is not None:
        pass


def test_it_listens_and_asks_nothing_while_there_is_nothing(workspace: Workspace) -> None:
    broker = get_broker()
    assert isinstance(broker, broker_module.Broker)
    until_it_rests(broker)
    with CaptureQueriesContext(connection) as asked:
        for _ in range(3):
            assert broker.dequeue() is None
    assert len(asked) == 0


def test_it_hears_of_what_another_process_has_committed(workspace: Workspace) -> None:
    broker = get_broker()
    until_it_rests(broker)

    def enqueue() -> None:
        with transaction.atomic():
            queue.enqueue_sync(workspace)

    in_threads(enqueue)
    found = broker.dequeue()
    assert [key for key, _ in found] == [OrmQ.objects.get().pk]


def test_what_came_before_it_listened_is_found(workspace: Workspace) -> None:
    queue.enqueue_sync(workspace)
    assert get_broker().dequeue()


def test_what_is_rolled_back_tells_nobody(workspace: Workspace) -> None:
    broker = get_broker()
    until_it_rests(broker)

    def enqueue() -> None:
        with transaction.atomic():
            queue.enqueue_sync(workspace)
            transaction.set_rollback(True)

    in_threads(enqueue)
    with CaptureQueriesContext(connection) as asked:
        assert broker.dequeue() is None
    assert len(asked) == 0


def test_over_a_new_connection_it_listens_anew(workspace: Workspace) -> None:
    broker = get_broker()
    until_it_rests(broker)
    connection.close()
    queue.enqueue_sync(workspace)
    connection.close()
    assert broker.dequeue()


@pytest.mark.parametrize("was_busy", [False, True])
def test_a_connection_that_was_lost_is_replaced(workspace: Workspace, *, was_busy: bool) -> None:
    broker = get_broker()
    until_it_rests(broker)
    if was_busy:
        queue.enqueue_sync(workspace)
        assert broker.dequeue()
    connection.ensure_connection()
    lost = connection.connection.info.backend_pid

    def end_it_and_enqueue() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [lost])
        queue.enqueue_sync(workspace)

    in_threads(end_it_and_enqueue)
    assert broker.dequeue() or broker.dequeue(), "one look may only find that the connection was lost"
    until_it_rests(broker)
    in_threads(lambda: queue.enqueue_sync(workspace))
    assert broker.dequeue(), "over the new one it is told as well"


def test_a_look_is_one_statement(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    broker, checks = get_broker(), list[str]()

    def is_usable() -> bool:
        checks.append("SELECT 1")
        return True

    queue.enqueue_sync(workspace)
    ours = connections["default"]
    monkeypatch.setattr(ours, "health_check_enabled", True)
    monkeypatch.setattr(ours, "is_usable", is_usable)
    with CaptureQueriesContext(ours) as asked:
        assert broker.dequeue()
        assert broker.dequeue() == []
    assert [query["sql"].split()[0] for query in asked] == ["LISTEN", "UPDATE", "UPDATE"]
    assert checks == [], "it could listen, so the connection works"


def test_what_was_taken_is_taken_again_once_its_time_is_over(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "LONGEST_SECONDS", 0.0)
    broker = get_broker()
    queue.enqueue_sync(workspace)
    ((key, _payload),) = broker.dequeue()
    assert broker.dequeue() == []
    assert abs(OrmQ.objects.get().lock - now() - timedelta(seconds=Conf.RETRY)) < timedelta(minutes=1)
    OrmQ.objects.update(lock=Now())
    assert [taken for taken, _payload in broker.dequeue()] == [key]


def test_a_clock_of_a_host_that_is_ahead_delays_nothing(workspace: Workspace) -> None:
    with time_machine.travel(now() + timedelta(hours=1)):
        queue.enqueue_sync(workspace)
    assert get_broker().dequeue()


def test_a_launch_wakes_as_many_workers_as_have_something_to_do(workspace: Workspace, settings: Settings) -> None:
    settings.WORKERS = 2
    for cases, woken in ((1, 1), (8, 1), (9, 2), (500, 2)):
        OrmQ.objects.all().delete()
        queue.enqueue_revoke(workspace, cases=cases)
        assert OrmQ.objects.count() == woken
    queue.enqueue_revoke(workspace, cases=500)
    assert OrmQ.objects.count() == 2, "those that wait already are enough"
    OrmQ.objects.update(lock="2999-01-01T00:00:00Z")
    queue.enqueue_revoke(workspace, cases=500)
    assert OrmQ.objects.count() == 4, "whoever works on the others may have died"
