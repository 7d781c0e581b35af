"""Markdown with wiki links, to tokens and to safe HTML.

`[[Target]]`, `[[Target|label]]`, `[[Target#Section]]` and, with what the target is to the note, `[[supports::Target]]`
(the form of Semantic MediaWiki) link to a note by any of its names, everywhere but in code. So do relative links to
Markdown files: `[label](../other-note.md#section)`.

HTML is rendered when a note is written and kept with its links as numbers (`<a data-link="3">`). Which of them a reader
may follow is known when it is read: `with_links` fills them in and leaves the rest as text.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from urllib.parse import unquote

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from apps.knowledge.names import key_of

DEFAULT_KIND: Final = "link"
KIND_LENGTH: Final = 40
ANCHOR_LENGTH: Final = 120
SCHEMES: Final = frozenset({"http", "https", "mailto"})

_WIKI_LINK: Final = re.compile(
    r"\[\[(?:\s*(?P<kind>[a-z][a-z0-9_-]{0,39})\s*::)?"
    r"\s*(?P<target>[^\[\]|#\n]{1,200}?)\s*"
    r"(?:#(?P<section>[^\[\]|\n]{0,200}))?(?:\|(?P<label>[^\[\]\n]{0,500}))?\]\]"
)
_MARKDOWN_FILE: Final = re.compile(
    r"(?!//)(?:[^:?#]*/)?(?P<stem>[^:?#/]{1,200})\.(?:md|markdown)(?:#(?P<section>.*))?", re.IGNORECASE
)
_NUMBERED_LINK: Final = re.compile(r'<a data-link="(\d+)">(.*?)</a>', re.DOTALL)
_INLINE: Final = ("a", "br", "code", "em", "s", "strong")
_BLOCKS: Final = (
    "blockquote",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "ul",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
)
_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
_CLEANER: Final = nh3.Cleaner(
    tags={*_INLINE, *_BLOCKS, *_HEADINGS},
    attributes={
        "a": {"href", "title"},
        "code": {"class"},  # the language of a fence
        "ol": {"start"},
        "th": {"style"},
        "td": {"style"},
        **{heading: {"id"} for heading in _HEADINGS},
    },
    filter_style_properties={"text-align"},
    url_schemes=set(SCHEMES),
    link_rel="noopener noreferrer nofollow",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to a note, as it stands in a text."""

    target: str  # the name as written
    kind: str  # what the target is to the note
    anchor: str  # of the section in the target's HTML; empty means its start

    @property
    def key(self) -> str:
        return key_of(self.target)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed text."""

    tokens: Sequence[Token]
    links: Sequence[Link]  # in the order of the text; a link's place here is its number in the HTML


def parse(text: str) -> Document:
    """Parse Markdown; no text is wrong."""
    tokens = _PARSER.parse(text)
    links: list[Link] = []
    for token in _flattened(tokens):
        if (link := _link_of(token)) and link.key:
            token.meta["number"] = len(links)
            links.append(link)
    _give_anchors(tokens)
    return Document(tokens, links)


def render(document: Document) -> str:
    """Return HTML whose links to notes are numbers, before it is made safe: only `with_links` makes it fit to show."""
    html: str = _PARSER.renderer.render(document.tokens, _PARSER.options, {})
    return html


def with_links(html: str, addresses: Mapping[int, str]) -> str:
    """Return safe HTML in which the numbered links lead to their addresses; a link without one is its text."""

    def filled(match: re.Match[str]) -> str:
        address = addresses.get(int(match[1]))
        return match[2] if address is None else f'<a href="{escapeHtml(address)}">{match[2]}</a>'

    return _CLEANER.clean(_NUMBERED_LINK.sub(filled, html))


def first_heading(text: str) -> str:
    """Return the words of a text's first heading of the first level; empty when it has none."""
    for opening, inline in pairwise(_PARSER.parse(text)):
        if opening.type == "heading_open" and opening.tag == "h1":
            return plain_text(inline).strip()
    return ""


def plain_text(inline: Token) -> str:
    """Return what a reader sees of an inline token."""
    return "".join(_words(inline.children or ()))


def anchor_of(heading: str) -> str:
    """Return the id of a section; its prefix keeps an author from naming something of the page around it."""
    key = key_of(heading)[: ANCHOR_LENGTH - 12].rstrip("-")
    return f"section-{key}" if key else ""


def _words(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            yield " "
        elif token.type == "image":
            yield from _words(token.children or ())
        else:
            yield token.content


def _flattened(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        if token.type != "image":  # its children are its alternative text
            yield from _flattened(token.children or ())


def _link_of(token: Token) -> Link | None:
    if token.type == "wiki_link":
        link: Link = token.meta["link"]
        return link
    if token.type != "link_open" or not (file := _MARKDOWN_FILE.fullmatch(str(token.attrGet("href")))):
        return None
    target, section = unquote(file["stem"]), unquote(file["section"] or "")
    return Link(target=target[:200], kind=DEFAULT_KIND, anchor=anchor_of(section))


def _give_anchors(tokens: Sequence[Token]) -> None:
    taken: dict[str, int] = {}  # each with how many sections wanted it
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and (anchor := anchor_of(plain_text(inline))):
            unique = anchor
            while unique in taken:
                taken[anchor] += 1
                unique = f"{anchor}-{taken[anchor]}"
            taken[unique] = 1
            opening.attrSet("id", unique)


def _wiki_link(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 (markdown-it's)
    if state.linkLevel:
        return False
    start = state.pos + state.src.startswith("!", state.pos)  # what embeds a note elsewhere is a link here
    match = _WIKI_LINK.match(state.src, start, state.posMax)
    if match is None or not key_of(match["target"]):
        return False
    if not silent:
        token = state.push("wiki_link", "a", 0)
        target = match["target"].removesuffix(".md")
        token.content = (match["label"] or "").strip() or match["target"]
        kind = match["kind"] or DEFAULT_KIND
        token.meta = {"link": Link(target=target, kind=kind, anchor=anchor_of(match["section"] or ""))}
    state.pos = match.end()
    return True


def _render_wiki_link(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    return f'<a data-link="{token.meta["number"]}">{escapeHtml(token.content)}</a>'


def _render_link_open(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    if "number" in token.meta:
        return f'<a data-link="{token.meta["number"]}">'
    html: str = self.renderToken(tokens, index, options, env)
    return html


def _render_image(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    # A picture would be fetched from where its author says by everyone who reads: it becomes a link.
    source, words = str(tokens[index].attrGet("src")), "".join(_words(tokens[index].children or ()))
    return f'<a href="{escapeHtml(source)}">{escapeHtml(words or source)}</a>'


def _parser() -> MarkdownIt:
    parser = MarkdownIt("gfm-like", {"html": False})
    # Without a scheme it takes module.py for an address in Paraguay.
    parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})  # type: ignore[union-attr]  # gfm-like has one
    parser.inline.ruler.before("link", "wiki_link", _wiki_link)
    rules: dict[str, Callable[..., str]] = {
        "wiki_link": _render_wiki_link,
        "link_open": _render_link_open,
        "image": _render_image,
    }
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    return parser


_PARSER: Final = _parser()
