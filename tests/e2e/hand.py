"""A person's hand: every click, key and text typed into a field is one action, and is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from playwright.sync_api import Keyboard, Locator, Page

ACTS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (Page, ("click", "fill", "check", "press", "select_option", "goto", "reload")),
    (
        Locator,
        ("click", "dblclick", "fill", "check", "uncheck", "press", "select_option", "type", "press_sequentially"),
    ),
    (Keyboard, ("press", "type", "insert_text")),
)


class Hand:
    """Counts what is done by Playwright while it is used as a context manager."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self._patches = [patch.object(kind, name, self._counted(kind, name)) for kind, names in ACTS for name in names]

    def __enter__(self) -> Hand:
        for each in self._patches:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._patches:
            each.stop()

    @property
    def actions(self) -> int:
        return len(self.done)

    def _counted(self, kind: type, name: str) -> Callable[..., Any]:
        act = getattr(kind, name)

        def counted(target: Any, *args: Any, **kwargs: Any) -> Any:
            self.done.append(f"{name} {target} {args}")
            return act(target, *args, **kwargs)

        return counted
