"""Static files made from wheels and our own sheets: one style sheet and one font, which every page loads.

The style sheet is what the portal uses of Bootstrap, with the sheets that ``static/portal/portal.css`` imports; the
font is Figtree with the letters of Western and Central European languages, as WOFF2. Both are made when first asked for
and kept in ``ASSETS_DIR`` until what they are made from changes.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import tinycss2
from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.storage import FileSystemStorage, Storage
from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

from cleanup_portal.wheels import folder_of

WEIGHTS = (400, 700)
LETTERS = (
    *range(0x20, 0x180),  # Latin, Latin-1, Latin Extended-A
    *range(0x218, 0x21C),  # Romanian
    *range(0x300, 0x30D),  # accents that stand by themselves
    *range(0x2000, 0x2070),  # dashes, quotation marks, spaces
    *(0x20AC, 0x2122, 0x2190, 0x2191, 0x2192, 0x2193, 0x2212, 0x2260, 0x2264, 0x2265),
)
FEATURES = ["ccmp", "kern", "locl", "mark", "mkmk", "rvrn", "tnum"]
IMPORT = re.compile(r'@import "([^"]+)";\n?')
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
WORD = re.compile(r"[\w-]+")


def style_sheet() -> bytes:
    """What is used of Bootstrap, then the portal's own sheets in the order in which they are imported."""
    bootstrap = (folder_of("bootstrap") / "css/bootstrap.min.css").read_text("utf-8")
    licence = bootstrap[: bootstrap.index("*/") + 2]
    known = frozenset(WORD.findall("".join(path.read_text("utf-8") for path in _speakers())))
    own = (path.read_text("utf-8") for path in _own_sheets())
    return "\n".join([licence, only_used(bootstrap, known), *own]).encode()


def only_used(css: str, words: frozenset[str]) -> str:
    """The rules whose classes are all among ``words``: a class that a page uses has to stand somewhere in full."""

    def is_used(selector: str) -> bool:
        return words.issuperset(CLASS.findall(re.sub(r":not\([^)]*\)", "", selector)))

    return "".join(_rules(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), is_used))


def font() -> bytes:
    """Figtree with the letters, weights and features that the portal's texts need."""
    typeface = TTFont(_typeface())
    instancer.instantiateVariableFont(typeface, {"wght": WEIGHTS}, inplace=True)
    options = subset.Options(layout_features=FEATURES, hinting=False, name_IDs=[0, 1, 2, 13, 14])
    only = subset.Subsetter(options)
    only.populate(unicodes=LETTERS)
    only.subset(typeface)
    typeface.flavor = "woff2"
    with tempfile.TemporaryFile() as file:
        typeface.save(file)
        file.seek(0)
        return file.read()


class _Made(StaticFilesStorage):
    prefix = "made"


class MadeFinder(BaseFinder):
    """Finds ``made/portal.css`` and ``made/figtree.woff2``."""

    def find(self, path: str, find_all: bool = False, **_: Any) -> Any:  # noqa: FBT001, FBT002
        folder, _slash, name = path.rpartition("/")
        if folder != "made" or name not in MADE:
            return []
        found = _kept(name).path(name)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        yield from ((name, _kept(name)) for name in MADE)


def _kept(name: str) -> FileSystemStorage:
    """The folder with one file, made unless it was already from the same source."""
    make, sources = MADE[name]
    folder = settings.ASSETS_DIR / _content_of(sources())
    if not (folder / name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(make())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(folder / name)
    return _Made(location=folder)


def _content_of(paths: Iterable[Path]) -> str:
    recipe = [Path(__file__), folder_of("bootstrap") / "version.txt"]
    return sha256(b"".join(path.read_bytes() for path in [*recipe, *paths])).hexdigest()[:12]


def _speakers() -> list[Path]:
    """Whatever can name a class."""
    root, tables = settings.BASE_DIR, folder_of("django_tables2") / "templates/django_tables2/bootstrap5.html"
    kinds = ("templates/**/*.html", "static/portal/**/*.js", "accounts_review/**/*.py")
    return [tables, *sorted(path for kind in kinds for path in root.glob(kind))]


def _own_sheets() -> list[Path]:
    folder = settings.BASE_DIR / "static/portal"
    return [folder / name for name in IMPORT.findall((folder / "portal.css").read_text("utf-8"))]


def _typeface() -> Path:
    return folder_of("fontpkg_figtree") / "files/Figtree[wght].ttf"


def _rules(nodes: list[Any], is_used: Callable[[str], bool]) -> Iterator[str]:
    for node in nodes:
        if node.type == "at-rule" and node.lower_at_keyword in {"media", "supports"}:
            inner = tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
            if within := "".join(_rules(inner, is_used)):
                yield f"@{node.at_keyword}{tinycss2.serialize(node.prelude)}{{{within}}}"
        elif node.type == "qualified-rule":
            if selectors := [each for each in _selectors(node.prelude) if is_used(each)]:
                yield f"{','.join(selectors)}{{{tinycss2.serialize(node.content)}}}"
        elif node.type == "at-rule":
            yield tinycss2.serialize([node])


def _selectors(prelude: list[Any]) -> Iterator[str]:
    """The selectors of a rule, parted at their commas, but not at those within brackets."""
    one = list[Any]()
    for part in prelude:
        if part == ",":
            yield tinycss2.serialize(one)
            one = []
        else:
            one.append(part)
    yield tinycss2.serialize(one)


MADE: dict[str, tuple[Callable[[], bytes], Callable[[], list[Path]]]] = {
    "portal.css": (style_sheet, lambda: [*_speakers(), *_own_sheets()]),
    "figtree.woff2": (font, lambda: [_typeface()]),
}
"""By name, how it is made and from what."""
