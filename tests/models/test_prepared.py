"""Prepared querysets answer as the queryset they are built from would, for whatever values they are asked with."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
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
