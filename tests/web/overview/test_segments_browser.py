"""Names of any length in a real browser: the numbers beside them stay in view."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from accounts_review.models import Workspace
from tests.factories import put_in_force
from tests.stage import policy_text
from tests.web.browser_kit import IN_A_BROWSER
from tests.web.conftest import Browse
from tests.web.kit import Desk, read, someone

pytestmark = IN_A_BROWSER
IN_VIEW = "() => [...document.querySelectorAll('.table-scroll')].every((e) => e.scrollWidth <= e.clientWidth)"


@pytest.mark.parametrize("at", ["overview", "backtest"])
def test_the_longest_name_of_a_segment_breaks_into_lines(
    browse: Browse, workspace: Workspace, person: Callable[[str], User], at: str
) -> None:
    put_in_force(workspace, policy_text().replace('"everyone"', f'"{"Segment" * 28}"'), now=now())
    read(workspace, someone("ana"), someone("old", idle=1200))
    page = browse(Desk(person("administrator"), workspace), at)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(IN_VIEW)


SHOWN = """() => {
  const label = [...document.querySelectorAll("svg.idleness")].find((e) => e.clientWidth).querySelector("text");
  label.textContent = "123,456";
  label.scrollIntoView({ block: "center", behavior: "instant" });
  const box = label.getBoundingClientRect();
  return document.elementFromPoint(box.left + 2, box.top + box.height / 2) === label;
}"""


def test_the_number_beside_a_drawing_is_whole_however_large(
    browse: Browse, workspace: Workspace, person: Callable[[str], User]
) -> None:
    put_in_force(workspace, policy_text(), now=now())
    read(workspace, someone("ana"), someone("old", idle=1200))
    page = browse(Desk(person("administrator"), workspace), "overview")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(SHOWN), width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
