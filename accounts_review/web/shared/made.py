"""What a part of a page is made of, for parts that are written once (``{% kept %}``)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Made:
    """Something that a part is drawn from, ``it``, and what it is made of: of the same, the same is drawn."""

    made_of: Hashable
    it: Any
