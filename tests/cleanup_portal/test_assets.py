"""One style sheet and one font for every page: small, and with all that pages need."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path

import polib
import pytest
from django.contrib.staticfiles import finders
from fontTools.ttLib import TTFont

from cleanup_portal.assets import only_used

ROOT = Path(__file__).parent.parent.parent
BOOTSTRAP = """:root{--blue:#00f}.btn{color:red}.btn:not(.disabled):hover,.badge{color:blue}.card .btn{margin:0}
@media (min-width:1px){.btn,.badge{top:0}.badge{left:0}}@media print{.badge{left:0}}[data-theme=dark]{top:1px}"""


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    return {name: Path(finders.find(f"made/{name}") or "").read_bytes() for name in ("portal.css", "figtree.woff2")}


def test_rules_are_kept_whose_classes_are_all_used() -> None:
    kept = only_used(BOOTSTRAP, frozenset({"btn"}))
    assert kept == (
        ":root{--blue:#00f}.btn{color:red}.btn:not(.disabled):hover{color:blue}"
        "@media (min-width:1px){.btn{top:0}}[data-theme=dark]{top:1px}"
    )


def test_the_sheet_holds_what_pages_use_of_bootstrap_and_every_sheet_of_ours(made: dict[str, bytes]) -> None:
    sheet = made["portal.css"].decode()
    assert "MIT" in sheet[:300], "the licence goes with it"
    for used in (".btn-primary{", ".form-control{", ".visually-hidden", ".pagination{"):
        assert used in sheet
    assert ".accordion" not in sheet
    own = (ROOT / "static/portal/css").glob("*.css")
    assert [path.name for path in own if path.read_text() not in sheet] == [], "not imported in portal.css"


def test_sheet_and_font_are_small_on_the_wire(made: dict[str, bytes]) -> None:
    assert len(gzip.compress(made["portal.css"])) < 30_000
    assert len(made["figtree.woff2"]) < 25_000


def test_the_font_has_every_letter_of_both_languages_and_of_european_names(made: dict[str, bytes]) -> None:
    font = TTFont(BytesIO(made["figtree.woff2"]))
    catalogue = polib.pofile(str(ROOT / "locale/fr/LC_MESSAGES/django.po"))
    texts = [text for entry in catalogue for text in (entry.msgid, entry.msgstr, *entry.msgstr_plural.values())]
    letters = {letter for letter in "".join([*texts, "ÀŒœŸßøÅŁłőŘřŞşÇçñğıİ€"]) if letter.isalpha()}
    assert {letter for letter in letters if ord(letter) not in font.getBestCmap()} == set()
    weight = font["fvar"].axes[0]
    assert (weight.minValue, weight.maxValue) == (400, 700)
    assert "SIL Open Font License" in str(font["name"].getDebugName(13)), "the licence goes with it"


def test_only_what_is_made_is_found() -> None:
    assert finders.find("made/bootstrap.css") is None
    assert len(finders.find("made/portal.css", find_all=True)) == 1
