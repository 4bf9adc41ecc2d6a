"""Every text for people exists in French, and the compiled catalogue is the one of the text beside it."""

from __future__ import annotations

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
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]")


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


def test_the_french_keeps_every_placeholder() -> None:
    broken = []
    for entry in polib.pofile(str(CATALOGUE)).translated_entries():
        wanted = set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        texts = list(entry.msgstr_plural.values()) or [entry.msgstr]
        if any(set(PLACEHOLDER.findall(text)) != wanted for text in texts):
            broken.append(entry.msgid)
    assert broken == []


def test_the_compiled_catalogue_is_up_to_date() -> None:
    texts, compiled = polib.pofile(str(CATALOGUE)), polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    assert {e.msgid: e.msgstr or e.msgstr_plural for e in compiled} == {
        e.msgid: e.msgstr or e.msgstr_plural for e in texts.translated_entries() if "fuzzy" not in e.flags
    }
