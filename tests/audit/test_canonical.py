"""What is digested is written as the documented recipe says, whichever encoder writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from accounts_review.audit.canonical import canonical
from tests.audit.test_chain import JSON


class _Name(str):
    """Text of a type of its own, as templates make it."""

    __slots__ = ()


@given(data=JSON)
def test_what_is_digested_is_written_as_the_recipe_says(data: Any) -> None:
    document = {
        "number": 1e-7,
        "small": [5e-5, -1e-5, 0.0001, 0],
        "few": [1e16, 2**70],
        "name": _Name("Zoé\u2028"),
        "given": data,
    }
    for content in (data, document):
        recipe = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert canonical(content) == recipe.encode()


@pytest.mark.parametrize("number", [5e-5, -1e-5, 9.99e-5, 1e-4, 0.00012, 1e-6, 0.0, -0.0, 1e15, 1e16, -1e22])
def test_a_number_is_written_as_the_recipe_says_wherever_it_stands(number: float) -> None:
    for content in (
        number,
        [number],
        {"x": number},
        [1, number],
        {"x": [number]},
        {"x": {"y": number}},
        {"x": [[number]]},
    ):
        assert canonical(content) == json.dumps(content, separators=(",", ":")).encode()
