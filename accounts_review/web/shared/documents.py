"""The documents in ``docs/`` as pages: Markdown in, HTML out, with no HTML of the text's own let through."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.anchors.index import slugify as anchor

__all__ = ["Document", "anchor", "document", "names"]

FOLDER = settings.BASE_DIR / "docs"
OTHER_LANGUAGES = tuple(code for code, _name in settings.LANGUAGES if code != "en")
OUTWARD = ("http", "https", "mailto")


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is shown: its title, its parts by anchor, and the rest."""

    name: str
    title: str
    language: str
    parts: tuple[tuple[str, str], ...]
    body: SafeString


def names() -> list[str]:
    """What the documents are called in addresses: their files, without the ending."""
    found = (path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.md"))
    return sorted(name for name in found if not name.startswith(tuple(f"{code}/" for code in OTHER_LANGUAGES)))


def document(name: str, language: str) -> Document | None:
    """A document in a language, else in English; nothing where there is none of this name."""
    if name not in names():
        return None
    translated = FOLDER / language / f"{name}.md"
    path, spoken = (translated, language) if translated.exists() else (FOLDER / f"{name}.md", "en")
    return read(name, spoken, path.read_text("utf-8"))


def read(name: str, language: str, text: str) -> Document:
    """A document from its text: the first heading is its title, those below it are its parts."""
    tokens = _parser().parse(text)
    headings = [(token, tokens[at + 1]) for at, token in enumerate(tokens) if token.type == "heading_open"]
    title = next((said.content for token, said in headings if token.tag == "h1"), name)
    parts = tuple((str(token.attrs["id"]), _plain(said)) for token, said in headings if token.tag == "h2")
    if tokens and tokens[0].tag == "h1":
        tokens = tokens[3:]
    for token in tokens:
        _lead_to_the_portal(name, token.children or [])
    html = _parser().renderer.render(tokens, _parser().options, {})
    return Document(name, title, language, parts, mark_safe(html))  # noqa: S308  # the parser lets no HTML through


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").use(anchors_plugin, min_level=2, max_level=3)
    # A wide table scrolls by itself, with the keyboard too.
    parser.add_render_rule("table_open", lambda *_: '<div class="table-scroll" tabindex="0"><table class="table">\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    parser.add_render_rule("fence", _code)
    parser.add_render_rule("code_block", _code)
    return parser


def _code(_renderer: object, tokens: list[Token], at: int, *_: object) -> str:
    return f'<pre tabindex="0"><code>{escape(tokens[at].content)}</code></pre>\n'


def _lead_to_the_portal(name: str, inline: list[Token]) -> None:
    """Have links and images between files of the repository lead to pages of the portal, where there is one."""
    leads_nowhere = False
    for token in inline:
        if token.type == "link_open":
            address = _address(name, str(token.attrs["href"]))
            leads_nowhere = address is None
            token.attrs = {} if address is None else {"href": address}
        if token.type in {"link_open", "link_close"} and leads_nowhere:
            token.tag = "span"
        if token.type == "image":
            _show_ours(name, token)


def _show_ours(name: str, image: Token) -> None:
    """Show a picture of ours; of another only what it shows, in words."""
    path = _within(name, str(image.attrs["src"]))
    if path.startswith("screenshots/"):
        image.attrs |= {"src": static(f"docs/{path}"), "loading": "lazy"}
    else:
        image.type, image.tag, image.attrs = "text", "", {}


def _address(name: str, href: str) -> str | None:
    at = urlsplit(href)
    if at.scheme in OUTWARD or not at.path:
        return href
    target, ending = posixpath.splitext(_within(name, at.path))
    if ending != ".md" or target not in names():
        return None
    return reverse("document", args=[target]) + (f"#{at.fragment}" if at.fragment else "")


def _within(name: str, path: str) -> str:
    """A path beside a document, seen from the folder of all."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def _plain(token: Token) -> str:
    return "".join(each.content for each in token.children or [])
