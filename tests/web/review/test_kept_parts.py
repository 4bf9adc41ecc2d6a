"""Parts of the review page are kept between requests, and say what they would say anew."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product

import pytest
from django.contrib.auth.models import User

from accounts_review.models import Workspace
from accounts_review.templatetags.kept import KeptNode
from tests.web.kit import Desk, read, someone, text_of

ADDRESSES = (
    "",
    "?verdict=all",
    "?verdict=all&sort=-username",
    "?verdict=all&sort=email&per_page=25&density=comfortable&columns=email.state",
    "?q=ana&idle=abc",
    "?segment=Everyone&state=later&never_used=on",
    "?verdict=all&scope=all",
)
PASSING = re.compile(r'csrfmiddlewaretoken" value="\w+|X-CSRFToken": "\w+|data-left="\d+')


@pytest.mark.django_db
def test_nobody_reads_what_was_kept_of_another_page(
    workspace: Workspace, person: Callable[[str], User], monkeypatch: pytest.MonkeyPatch
) -> None:
    read(workspace, *(someone(f"ana{number:02}") for number in range(30)), someone("ben", idle=3))
    desks = [Desk(person(role), workspace) for role in ("reviewer", "auditor")]
    asked = [*product(desks, ADDRESSES, ("en", "fr"))]
    # In two orders, so that each finds what others have left.
    kept = [_read(*each) for each in asked[::-1] + asked][len(asked) :]

    monkeypatch.setattr(KeptNode, "render", _anew)

    for each, said in zip(asked, kept, strict=True):
        assert said == _read(*each), each
        assert "ListLook(" not in said


def _anew(self: KeptNode, context: object) -> str:
    self._written.clear()
    return _RENDER(self, context)  # type: ignore[arg-type]


_RENDER = KeptNode.render


def _read(desk: Desk, address: str, language: str) -> str:
    answer = desk.client.get(f"/w/{desk.workspace.name}/review/{address}", headers={"Accept-Language": language})
    return PASSING.sub("", text_of(answer))
