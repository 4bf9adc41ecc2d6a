"""A part of a page that is kept says what it would say anew, and knows nothing but what it is given."""

from __future__ import annotations

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils import timezone, translation
from django.utils.safestring import mark_safe

from accounts_review.templatetags import kept
from accounts_review.web.shared.made import Made


class Counting:
    """Tells how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    def __str__(self) -> str:
        self.times += 1
        return f"asked {self.times}"


def test_the_same_values_are_written_once() -> None:
    part, asked = Template("{% kept it=it %}{{ it.it }}{% endkept %}"), Counting()

    said = [part.render(Context({"it": Made(made_of, asked)})) for made_of in ("a", "a", "b", "a")]

    assert said == ["asked 1", "asked 1", "asked 2", "asked 1"]


def test_it_knows_nothing_that_it_is_not_given() -> None:
    part = Template("{% kept name=name %}{{ name }}{{ who }}{% csrf_token %}{% endkept %}{{ who }}")

    assert part.render(Context({"name": "list, ", "who": "ana", "csrf_token": "secret"})) == "list, ana"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [(mark_safe("<b>"), "<b>", "&lt;b&gt;"), (1, True, "True"), (True, 1, "1")],
)
def test_values_that_are_equal_but_no_match_are_told_apart(first: object, second: object, said: str) -> None:
    part = Template("{% kept it=it %}{{ it }}{% endkept %}")
    part.render(Context({"it": first}))

    assert part.render(Context({"it": second})) == said


def test_each_language_and_time_zone_has_its_own() -> None:
    written = "{% get_current_language as code %}{{ code }} {% get_current_timezone as zone %}{{ zone }}"
    part = Template("{% load i18n tz %}{% kept %}" + written + "{% endkept %}")
    said = set()
    for language in ("en", "fr"):
        for zone in ("UTC", "Asia/Tokyo"):
            with translation.override(language), timezone.override(zone):
                said.add(part.render(Context()))

    assert said == {"en UTC", "en Asia/Tokyo", "fr UTC", "fr Asia/Tokyo"}


def test_no_more_than_some_writings_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    part = Template("{% kept number=number %}{{ number }}{% endkept %}")

    assert [part.render(Context({"number": number})) for number in range(10)] == [str(number) for number in range(10)]
    assert len(part.nodelist[0]._written) == 3  # type: ignore[attr-defined]


def test_a_value_without_a_name_is_refused() -> None:
    with pytest.raises(TemplateSyntaxError, match="by name"):
        Template("{% kept look %}{% endkept %}")
