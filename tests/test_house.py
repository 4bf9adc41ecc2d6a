"""The house: one name for each thing, and no file too long to read."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST = 350
"""Lines in a file."""
BY_CONVENTION = {"Meta", "Command", "Migration"}
"""Names that Django asks for."""
READ = {".py", ".html", ".txt", ".css", ".js", ".md", ".toml", ".sh"}
GENERATED = re.compile(r"/migrations/|^requirements/|^locale/")
OLD_WORDS = re.compile(
    r"(?<![a-z])(foresee|foresight|judge_ahead|movers|warn_everywhere|postponements?|walks?|ripen|regret(ted)?"
    r"|examin(ation|e[ds]?)|check_workspace(?!_)|proposals?|enactment|adopt_policy|the one door"
    r"|drain(s|ed)?|extractions?|set aside|letters? to people|[a-z_]+_quietly|[a-z_]+_of_records)(?![a-z])",
    re.IGNORECASE,
)
"""What things were called before they had one name each."""
STANDING = re.compile(r"\.walk\w*\(|pause_at_regret|incomplete_extraction|policy/proposals/")
"""What may keep such a word: a call of somebody else's, a key and a code that are stored, an address that redirects."""
HISTORY = {"CHANGELOG.md", "tests/test_house.py"}


def files() -> list[Path]:
    """The files of the repository that people read and write."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    return [ROOT / name for name in listed if Path(name).suffix in READ and not GENERATED.search(name)]


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def classes(body: list[ast.stmt], outer: str = "") -> Iterator[str]:
    """The classes of a module by name, one within another by both names; those that a function makes are its own."""
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name not in BY_CONVENTION:
            yield f"{outer}{node.name}"
            yield from classes(node.body, f"{outer}{node.name}.")


@pytest.fixture(scope="module")
def read() -> dict[str, str]:
    if not (ROOT / ".git").exists():
        pytest.skip("no repository to list the files of")
    return {name_of(file): file.read_text() for file in files() if file.exists()}


def test_no_class_name_has_two_meanings(read: dict[str, str]) -> None:
    where: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in read.items():
        if name.endswith(".py"):
            for found in classes(ast.parse(text).body):
                where[found].append(name)
    assert {name: found for name, found in where.items() if len(found) > 1} == {}


def test_no_file_is_too_long(read: dict[str, str]) -> None:
    lengths = {name: text.count("\n") for name, text in read.items()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_no_old_word_is_left(read: dict[str, str]) -> None:
    left = {
        f"{name}:{number}": found[0]
        for name, text in read.items()
        if name not in HISTORY
        for number, line in enumerate(text.splitlines(), 1)
        if (found := OLD_WORDS.search(STANDING.sub("", line)))
    }
    assert left == {}


def test_pages_have_their_partials_beside_them() -> None:
    pages = {folder.name for folder in (ROOT / "accounts_review/web").iterdir() if (folder / "__init__.py").exists()}
    shown = {folder.name for folder in (ROOT / "templates/accounts_review").iterdir()}
    assert shown <= pages
    assert not [name for name in pages | shown if name == "partials" or name.endswith("_of_records")]


def test_the_map_names_files_that_are_there() -> None:
    """The answers to a stranger's questions, and the files to touch, in CONTRIBUTING."""
    named = re.findall(r"`((?:[\w.]+/)+[\w.]*)`", (ROOT / "CONTRIBUTING.md").read_text())
    roots = (ROOT, ROOT / "accounts_review", ROOT / "accounts_review/web")
    assert [name for name in named if not any((root / name).exists() for root in roots)] == []


def test_a_row_is_held_so_that_others_may_still_refer_to_it(read: dict[str, str]) -> None:
    """Who refers to it holds the end of the record, perhaps, for which the other waits: that would be a deadlock.

    Only previews that are about to be deleted are held against those who refer to them, so that nothing outlives them.
    """
    calls = [
        (name, arguments)
        for name, text in read.items()
        if name.startswith("accounts_review/")
        for arguments in re.findall(r"select_for_update\(\s*([^)]*)", text)
    ]
    assert len(calls) > 20
    assert [call for call in calls if not call[1].startswith("no_key=True")] == [
        ("accounts_review/workflow/policy/preview.py", "")
    ]
