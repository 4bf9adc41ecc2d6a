"""The documents keep up with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from accounts_review.rules.policy import SECTIONS, parse

ROOT = Path(__file__).parent.parent
SETTINGS = (ROOT / "docs/settings.md").read_text()
README = (ROOT / "README.md").read_text()


def variables_read() -> set[str]:
    code = "".join((ROOT / "cleanup_portal" / name).read_text() for name in ("settings.py", "environment.py"))
    readers = "text names flag whole span time_zone public_url email provider password_pair one_of proxy certificates"
    return set(re.findall(rf'(?:{readers.replace(" ", "|")})\(\s*"([A-Z_]+)"', code))


def test_every_variable_that_is_read_is_documented() -> None:
    assert variables_read() == set(re.findall(r"^\| `([A-Z_]+)`", SETTINGS, flags=re.MULTILINE))


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!http)[^)#]+)\)", README))
def test_every_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_every_command_that_the_readme_shows_exists() -> None:
    shown = set(re.findall(r"manage\.py ([a-z_]+)", README)) - {"migrate", "createsuperuser", "help"}
    existing = {path.stem for path in (ROOT / "accounts_review/management/commands").glob("*.py")}
    assert shown <= existing


def test_the_policy_that_is_shown_is_one_and_shows_every_section() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/policy.md").read_text(), flags=re.DOTALL)
    assert parse(shown).segments[1].name == "partners"
    assert set(re.findall(r"^\[(\w+)\]", shown, flags=re.MULTILINE)) == set(SECTIONS)
