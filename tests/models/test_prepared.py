"""Prepared querysets answer as the queryset they are built from would, for whatever values they are asked with."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts_review.models.prepared import Prepared

pytestmark = pytest.mark.django_db


def test_models_and_rows_follow_the_values() -> None:
    ana, ben = (User.objects.create_user(name) for name in ("ana", "ben"))
    asked = Prepared(lambda key, until: User.objects.filter(pk=key, date_joined__lt=until), key=int, until=datetime)
    later, sooner = now() + timedelta(days=1), now() - timedelta(days=1)

    assert asked.objects(key=ana.pk, until=later) == [ana]
    assert asked.objects(key=ben.pk, until=later) == [ben]
    assert asked.objects(key=ben.pk, until=sooner) == []


def test_rows_are_what_is_listed() -> None:
    ana = User.objects.create_user("ana")
    asked = Prepared(lambda key: User.objects.filter(pk=key).values_list("username", "is_active"), key=int)

    assert asked.rows(key=ana.pk) == [("ana", True)]


def test_a_value_that_stands_nowhere_is_refused() -> None:
    asked = Prepared(lambda key, other: User.objects.filter(pk=key), key=int, other=int)

    with pytest.raises(AssertionError, match="other"):
        asked.objects(key=1, other=2)


def test_constants_stand_as_they_are_whatever_is_in_them() -> None:
    ana, _ben = (User.objects.create_user(name, first_name="100 %s's") for name in ("ana", "ben"))
    asked = Prepared(
        lambda name: User.objects.filter(username__contains="a", first_name="100 %s's", username=name), name=str
    )

    assert asked.objects(name="ana") == [ana]
    assert asked.objects(name="ben") == []
    assert asked.objects(name="%s'") == []


def test_the_database_keeps_the_statement() -> None:
    asked = Prepared(lambda key: User.objects.filter(pk=key).values_list("last_name"), key=int)
    for key in range(3):
        asked.rows(key=key)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%last_name%'")
        assert cursor.fetchone() == (1,)


def test_statements_that_are_noted_down_have_their_values() -> None:
    asked = Prepared(lambda key: User.objects.filter(pk=key).values_list("username"), key=int)

    with CaptureQueriesContext(connection) as noted:
        asked.rows(key=4711)

    assert "4711" in noted.captured_queries[0]["sql"]
