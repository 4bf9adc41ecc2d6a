"""What is digested is written as the documented recipe says, whichever encoder writes it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from accounts_review.audit.canonical import canonical
from tests.audit.test_chain import JSON


class _Name(str):
    """Text of a type of its own, as templates make it."""

    __slots__ = ()


@settings(deadline=None)
@given(data=JSON)
def test_what_is_digested_is_written_as_the_recipe_says(data: Any) -> None:
    document = {"number": 1e-7, "few": [1e16, 2**70], "name": _Name("Zoé\u2028"), "given": data}
    for content in (data, document):
        recipe = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert canonical(content) == recipe.encode()
