"""Every text for people exists in French, and the compiled catalogue is the one of the text beside it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "locale/fr/LC_MESSAGES/django.po"
TRANSLATES = re.compile(r"_|n?p?gettext(_lazy)?")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]")


def placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> polib.POFile:
    """The texts of the code and the templates as they are now, with the translations that exist for them."""
    if shutil.which("xgettext") is None:
        if os.environ.get("CI"):
            pytest.fail("xgettext is missing; install Debian's package gettext.")
        pytest.skip("xgettext is missing; install Debian's package gettext to check the translations.")
    folder = tmp_path_factory.mktemp("texts")
    for name in ("accounts_review", "cleanup_portal", "templates", "locale"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "sandbox"))
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "fr", "--no-obsolete", "--verbosity", "0"]
    subprocess.run(command, cwd=folder, check=True, env=os.environ | {"DJANGO_SETTINGS_MODULE": ""})
    return polib.pofile(str(folder / "locale/fr/LC_MESSAGES/django.po"))


def test_no_text_is_without_a_french_one(extracted: polib.POFile) -> None:
    assert [entry.msgid for entry in (*extracted.untranslated_entries(), *extracted.fuzzy_entries())] == []


def test_no_text_of_the_code_is_overlooked_by_makemessages() -> None:
    """Such as one within an f-string, or handed on with the function that translates it."""
    overlooked = []
    for path in (*ROOT.glob("accounts_review/**/*.py"), *ROOT.glob("cleanup_portal/**/*.py")):
        tree = ast.parse(path.read_text())
        strings = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
        within = {id(node) for string in strings for node in ast.walk(string)}
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in within}
        overlooked += [
            f"{path.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and TRANSLATES.fullmatch(node.id)
            if id(node) not in called
        ]
    assert overlooked == []


def test_the_french_keeps_every_placeholder() -> None:
    broken = []
    for entry in polib.pofile(str(CATALOGUE)).translated_entries():
        one, many = entry.msgid, entry.msgid_plural or entry.msgid
        said_of_one, *said_of_many = list(entry.msgstr_plural.values()) or [entry.msgstr]
        holds = placeholders(said_of_one) in (placeholders(one), placeholders(many))
        if not holds or any(placeholders(text) != placeholders(many) for text in said_of_many):
            broken.append(entry.msgid)
    assert broken == []


def test_the_french_is_spaced_and_quoted_as_french_is() -> None:
    """No-break spaces before two-part punctuation and within quotation marks, and no marks of a typewriter."""
    entries = polib.pofile(str(CATALOGUE)).translated_entries()
    texts = [text for entry in entries for text in (entry.msgstr, *entry.msgstr_plural.values())]
    shown = {text: re.sub(r"<[^>]+>\??|%%", "", text) for text in texts}
    wrong = re.compile(r" [:;!?»%](?![\w(])|[^\s\u202f\u00a0][;!?»]|«[^\u00a0\u202f]|\w'\w|\"|\.\.\.")
    assert [text for text, said in shown.items() if wrong.search(said)] == []


def test_the_compiled_catalogue_is_up_to_date() -> None:
    texts, compiled = polib.pofile(str(CATALOGUE)), polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    assert {(e.msgctxt, e.msgid): e.msgstr or e.msgstr_plural for e in compiled} == {
        (e.msgctxt, e.msgid): e.msgstr or e.msgstr_plural for e in texts.translated_entries() if "fuzzy" not in e.flags
    }


def test_no_plural_is_left_in_english() -> None:
    plurals = [entry for entry in polib.pofile(str(CATALOGUE)) if entry.msgid_plural]
    english = [e.msgid for e in plurals if {e.msgid, e.msgid_plural} & set(e.msgstr_plural.values())]
    assert english == []
