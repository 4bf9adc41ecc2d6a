"""The documentation is read in the portal; every question mark and every link in it leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils.translation import override

from accounts_review.models import Workspace
from accounts_review.web.shared.documents import document, names, read
from accounts_review.web.shared.help import GUIDE, OF_PAGE
from tests.web.records_kit import Site, text

ROOT = Path(__file__).parents[3]
LANGUAGES = ("en", "fr")


@pytest.fixture
def site(client: Client, workspace: Workspace, person: Callable[[str], User]) -> Site:
    return Site(client, workspace, person).sign_in("auditor")


def anchors_of(name: str, language: str) -> set[str]:
    found = document(name, language)
    assert found is not None
    return set(re.findall(r'id="([^"]+)"', found.body))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", OF_PAGE)
def test_a_question_mark_says_two_sentences_and_leads_to_a_part_of_the_guide(page: str, language: str) -> None:
    with override(language):
        help_of_page = OF_PAGE[page]
        address, _, anchor = help_of_page.url.partition("#")
        assert address == f"/docs/{GUIDE}/"
        assert anchor in anchors_of(GUIDE, language)
        assert len(re.findall(r"[.!?](?: |$)", str(help_of_page.text))) == 2


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("language", LANGUAGES)
def test_links_and_images_of_the_documents_lead_somewhere(name: str, language: str) -> None:
    found = document(name, language)
    assert found is not None
    own = anchors_of(name, language)
    for address in map(unescape, re.findall(r'href="([^"]+)"', found.body)):
        page, _, anchor = address.partition("#")
        if page.startswith("/docs/"):
            other = page.removeprefix("/docs/").rstrip("/")
            assert not anchor or anchor in anchors_of(other, language), address
        else:
            assert page.startswith(("https://", "http://", "mailto:")) or anchor in own, address
    for image in re.findall(r'src="/static/([^"]+)"', found.body):
        assert finders.find(image), image
    assert found.title
    assert len(found.parts) == len(re.findall("<h2", found.body))


def test_both_guides_have_the_same_parts() -> None:
    english, french = (document(GUIDE, language) for language in LANGUAGES)
    assert english is not None
    assert french is not None
    assert (english.language, french.language) == LANGUAGES
    assert len(english.parts) == len(french.parts)


def test_a_text_brings_no_html_no_script_and_no_picture_from_elsewhere() -> None:
    hostile = read(
        "x",
        "en",
        "# <b>T</b>\n\n<script>alert(1)</script> [a](javascript:alert(1)) [b](data:text/html,x) <img src=x onerror=y>"
        "\n\n```html\n</code><script>\n```\n\n[c](../../../etc/passwd) [d](../settings.py) ![e](../../secret_key) "
        "![f](https://elsewhere.example/x.png)\n",
    ).body
    assert "<script" not in hostile
    assert "<img src=x" not in hostile
    assert "href" not in hostile
    assert "elsewhere.example/x.png" not in "".join(re.findall(r'src="([^"]+)"', hostile))


def test_who_signed_in_reads_them_and_finds_the_way_back(site: Site) -> None:
    shelf = text(site.client.get("/docs/"))
    assert 'href="/docs/guide/"' in shelf
    page = text(site.client.get("/docs/guide/"))
    assert 'href="#review"' in page
    assert 'id="review"' in page
    assert 'href="/docs/policy/"' in page
    french = text(site.client.get("/docs/settings/", headers={"Accept-Language": "fr"}))
    assert '<article class="doc-text breakable"' in french
    assert 'lang="en"' in french


@pytest.mark.parametrize("name", ["nothing", "../README", "fr/guide", "settings.md", "%2e%2e/README", "a" * 300])
def test_there_are_no_others(site: Site, name: str) -> None:
    assert site.client.get(f"/docs/{name}/").status_code == 404


def test_who_has_not_signed_in_reads_the_accessibility_statement_alone(client: Client, workspace: Workspace) -> None:
    assert client.get("/docs/guide/").status_code == 302
    english, french = (text(client.get(f"/accessibility/?language={language}")) for language in LANGUAGES)
    assert 'lang="en"' in english
    assert "RGAA" in english
    assert "RGAA" in french
    assert 'href="mailto:' in english
    assert client.get("/accessibility/?language=<script>").status_code == 200
    assert client.post("/accessibility/").status_code == 405


READ_ALL = """
import hashlib
import django
django.setup()
from accounts_review.web.shared.documents import document
from cleanup_portal.assets import style_sheet
print(hashlib.sha256(document("guide", "fr").body.encode() + style_sheet()).hexdigest())
"""


def test_documents_and_styles_are_read_alike_in_a_shell_that_knows_no_accents(tmp_path: Path) -> None:
    shell = os.environ | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "cleanup_portal.settings"}
    read_by = [
        subprocess.run([sys.executable, "-c", READ_ALL], env=shell | given, cwd=ROOT, capture_output=True, check=True)
        for given in ({"PYTHONUTF8": "1"}, {"PYTHONUTF8": "0", "LC_ALL": "C"})
    ]
    assert read_by[0].stdout == read_by[1].stdout
