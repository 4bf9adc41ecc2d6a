"""Filters of record pages: what one request makes of them is not there for the next."""

from __future__ import annotations

import django_filters as filters
import pytest
from django.db.models import QuerySet
from django.http import QueryDict

from accounts_review.models import Workspace
from accounts_review.web.shared.filters import Filters

pytestmark = pytest.mark.django_db


class Named(Filters):
    """Workspaces by a name to choose from."""

    name = filters.ChoiceFilter(method="filter_name", choices=())

    def filter_name(self, found: QuerySet[Workspace], name: str, value: str) -> QuerySet[Workspace]:
        return found.filter(**{name: value})


def asked(query: str, *names: str) -> Named:
    made = Named(QueryDict(query), queryset=Workspace.objects.all())
    made.filters["name"].extra["choices"] = [(name, name) for name in names]
    return made


def test_what_may_be_chosen_is_of_one_request(workspace: Workspace) -> None:
    mine, others = asked("name=main", "main"), asked("name=main", "other")

    assert mine.is_valid()
    assert list(mine.qs) == [workspace]
    assert not others.is_valid()
    assert Named.base_filters["name"].extra["choices"] == ()


def test_each_form_has_fields_of_its_own(workspace: Workspace) -> None:
    one, other = asked("name=main", "main"), asked("name=main", "main")
    one.form.fields["name"].widget.attrs["class"] = "mine"

    assert "class" not in other.form.fields["name"].widget.attrs
    assert 'value="main" selected' in str(other.form["name"])
