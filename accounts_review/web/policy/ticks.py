"""Names to tick, each with how many accounts it is about, as HTML: a workspace can have hundreds of groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from html import escape

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext

from accounts_review.wording.numbers import counted


def ticks_written(
    field: str, choices: Iterable[tuple[str, str]], *, counts: Mapping[str, int], chosen: Collection[str]
) -> SafeString:
    """The items of a list: each name with what it is called, and whether it is ``chosen`` in a form's field."""
    ticks = (_tick(field, name, str(label), counts.get(name, 0), is_on=name in chosen) for name, label in choices)
    return mark_safe("\n".join(ticks))  # noqa: S308 (escaped below)


def _tick(field: str, name: str, label: str, count: int, *, is_on: bool) -> str:
    shown, code = escape(name), "" if label == name else f'<code class="breakable">{escape(name)}</code> '
    return (
        f'<li><label><input type="checkbox" class="form-check-input" name="{field}" value="{shown}"'
        f'{" checked" if is_on else ""}> <span class="breakable">{escape(label)}</span> {code}'
        f'<span class="muted numeric">{_held(count, get_language())}</span></label></li>'
    )


@lru_cache(maxsize=1_000)
def _held(count: int, _language: str | None) -> str:
    """How many accounts it is about: of thousands of groups most have the same few."""
    return escape(ngettext("%(shown)s account", "%(shown)s accounts", count) % counted({"shown": count}))
