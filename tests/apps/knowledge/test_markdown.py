"""Markdown: what is a link, what is text, and that nothing in it can run."""

import re
from html.parser import HTMLParser
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.knowledge.chunks import MAX_CHARACTERS, chunks_of
from apps.knowledge.markdown import Link, first_heading, parse, render, with_links
from apps.knowledge.names import key_of, names_of, slug_of


def shown(text: str, addresses: dict[int, str] | None = None) -> str:
    return with_links(render(parse(text)), addresses or {})


def link(target: str, kind: str = "link", anchor: str = "") -> Link:
    return Link(target=target, kind=kind, anchor=anchor)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[A Note]]", [link("A Note")]),
        ("[[ A Note |label]] [[B]]", [link("A Note"), link("B")]),
        ("[[A#Part two]]", [link("A", anchor="section-part-two")]),
        ("[[supports::A|because]]", [link("A", "supports")]),
        ("[[ part_of :: A ]]", [link("A", "part_of")]),
        ("[[Supports::A]]", [link("Supports::A")]),  # kinds are in small
        ("![[A]]", [link("A")]),
        ("[[a.md]]", [link("a")]),
        ("*[[A]]* ~~[[B]]~~ > [[C]]", [link("A"), link("B"), link("C")]),
        ("| a |\n|---|\n| [[A\\|b]] |", [link("A")]),
        ("[label](../b/other-note.md#Part%20two)", [link("other-note", anchor="section-part-two")]),
        ("[ref][1]\n\n[1]: other.markdown", [link("other")]),
        ("`[[A]]` ``[[B]]``", []),
        ("```\n[[A]]\n```\n\n    [[B]]\n", []),
        ("\\[[A]]", []),
        ("[[A\nB]] [[]] [[ ]] [[|x]] [[#part]] [[...]] [[A[B]]]", []),
        ("[x](https://example.org/a.md) [y](/a.txt) [z](#part) [w](//host/a.md)", []),
        ("<a href='a.md'>[[A]]</a>", [link("A")]),
        ("[see [[A]]](https://example.org)", [link("A")]),
    ],
)
def test_links_are_found_outside_code(text: str, expected: list[Link]) -> None:
    assert list(parse(text).links) == expected


def test_a_link_that_leads_somewhere_is_one_and_any_other_is_its_text() -> None:
    text = "[[A]] [[B|b & c]] [`d`](d.md)"
    assert shown(text) == "<p>A b &amp; c <code>d</code></p>\n"
    rel = 'rel="noopener noreferrer nofollow"'
    assert shown(text, {0: "a", 2: "d#section-x"}) == (
        f'<p><a href="a" {rel}>A</a> b &amp; c <a href="d#section-x" {rel}><code>d</code></a></p>\n'
    )


def test_what_is_kept_of_a_link_is_its_number() -> None:
    html = render(parse("[[Secret#Part|label]] [label](secret.md)"))
    assert html == '<p><a data-link="0">label</a> <a data-link="1">label</a></p>\n'


def test_a_text_cannot_make_a_numbered_link_itself() -> None:
    text = '<a data-link="0">x</a> `<a data-link="0">x</a>` [[A]]'
    assert shown(text, {0: "target"}).count("<a ") == 1


def test_names_of_files_are_no_addresses() -> None:
    assert "<a" not in shown("See README.md and module.py, or mail someone@example.org.")
    assert '<a href="https://example.org"' in shown("See https://example.org.")


def test_sections_can_be_linked_to_and_cannot_name_things_of_the_page() -> None:
    html = shown("# Part two\n\n## Part two\n\n## location\n\n## ***\n")
    assert re.findall(r'id="([^"]*)"', html) == ["section-part-two", "section-part-two-2", "section-location"]


def test_pictures_become_links() -> None:
    rel = 'rel="noopener noreferrer nofollow"'
    assert shown("![a *cat*](https://example.org/cat.png)") == (
        f'<p><a href="https://example.org/cat.png" {rel}>a cat</a></p>\n'
    )


# https://cheatsheetseries.owasp.org/cheatsheets/XSS_Filter_Evasion_Cheat_Sheet.html and what Markdown adds to it.
ATTACKS: Final = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#x0A;script:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](  javascript:alert(1))",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg/onload=alert(1)>)",
    '![x" onerror="alert(1)](y)',
    '[x](y "onclick=alert(1)")',
    "[x](y '\" onclick=\"alert(1)')",
    '[[x" onclick="alert(1)]]',
    "[[x|<img src=x onerror=alert(1)>]]",
    "[[<script>alert(1)</script>]]",
    "[[javascript:alert(1)]]",
    "# <img src=x onerror=alert(1)>",
    '```" onclick="alert(1)\nx\n```',
    "```<script>\nx\n```",
    "`<script>alert(1)</script>`",
    "| <script> | \n|---|\n| <img src=x onerror=alert(1)> |",
    "http://example.org/<script>alert(1)</script>",
    "http://example.org/\"onmouseover='alert(1)",
    '<https://example.org/"onclick=alert(1)//>',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x00<scr\x00ipt>alert(1)</script>",
    '<a data-link="0" href="javascript:alert(1)">x</a>',
]


class Harmless(HTMLParser):
    """Fails on anything that could run, load or send the reader off unasked."""

    allowed: Final = {
        "a": {"href", "title", "rel"},
        "code": {"class"},
        "ol": {"start"},
        "th": {"style"},
        "td": {"style"},
        **{f"h{level}": {"id"} for level in range(1, 7)},
    }
    tags: Final = {
        *("p", "br", "hr", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s", "a"),
        *("table", "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6"),
    }

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.tags, tag
        for name, value in attrs:
            assert name in self.allowed.get(tag, set()), (tag, name)
            if name == "href":
                scheme = re.match(r"[\s\x00-\x1f]*([a-zA-Z][a-zA-Z0-9+.-]*):", value or "")
                assert scheme is None or scheme[1].lower() in {"http", "https", "mailto"}, value
            if name == "style":
                assert re.fullmatch(r"text-align:\s*(left|right|center);?", value or ""), value


def assert_harmless(html: str) -> None:
    parser = Harmless()
    parser.feed(html)
    parser.close()


@pytest.mark.parametrize("text", ATTACKS)
def test_nothing_in_a_text_can_run(text: str) -> None:
    assert_harmless(shown(text, {0: "a", 1: "b"}))
    assert_harmless(shown(f"> - **{text}**\n\n[{text}](x.md)", {0: "a", 1: "b"}))


PIECES: Final = [*"[]()|`><#*-!&;\"' \n\u2028a", "[[", "]]", "](", "```\n", "\n\n", "&#x3c;", "javascript:"]


@given(st.lists(st.sampled_from(ATTACKS + PIECES), max_size=12).map("".join))
def test_nothing_that_is_put_together_of_it_can_run(text: str) -> None:
    assert_harmless(shown(text, dict.fromkeys(range(20), "a#b")))


def test_an_address_cannot_leave_its_attribute() -> None:
    assert_harmless(shown("[[A]]", {0: 'x" onclick="alert(1)'}))
    assert_harmless(shown("[[A]]", {0: "javascript:alert(1)"}))


TEXT: Final = """Before.

# Relay

One [[A|link]] and `code`.

- first
- second

## Retries

```python
retry()
```

### Back-off

| a | b |
|---|---|
| 1 | 2 |

# Other
Last.
"""


def test_chunks_follow_the_sections() -> None:
    chunks = chunks_of(parse(TEXT).tokens, title="Relay")
    assert [(chunk.section, chunk.anchor, chunk.text) for chunk in chunks] == [
        ("", "", "Before."),
        ("", "section-relay", "One link and code.\nfirst\nsecond"),  # the note's own title is no section
        ("Retries", "section-retries", "retry()"),
        ("Retries > Back-off", "section-back-off", "a\nb\n1\n2"),
        ("Other", "section-other", "Last."),
    ]


@given(st.text(alphabet="ab #\n`-*|[]>", max_size=4000))
def test_chunks_are_bounded_and_never_none(text: str) -> None:
    chunks = chunks_of(parse(text).tokens, title="t")
    assert chunks
    assert all(len(chunk.text) <= MAX_CHARACTERS for chunk in chunks)


def test_a_long_section_loses_no_word() -> None:
    words = [f"w{number}" for number in range(3_000)]
    text = "\n\n".join(" ".join(words[at : at + 500]) for at in range(0, len(words), 500))
    chunks = chunks_of(parse(text).tokens, title="t")
    assert len(chunks) > 10
    assert " ".join(chunk.text for chunk in chunks).split() == words


@pytest.mark.parametrize(
    ("name", "key", "slug"),
    [
        ("The Relay", "the-relay", "the-relay"),
        ("  TCP/IP (v6)  ", "tcp-ip-v6", "tcp-ip-v6"),
        ("Größe", "grösse", "grosse"),
        ("\uff26ull", "full", "full"),
        ("富士山", "富士山", ""),
        ("snake_case", "snake-case", "snake-case"),
        ("---", "", ""),
        ("x" * 300, "x" * 200, "x" * 120),
    ],
)
def test_names_are_compared_and_written_in_one_form(name: str, key: str, slug: str) -> None:
    assert (key_of(name), slug_of(name)) == (key, slug)


def test_a_note_has_its_slug_title_and_aliases_for_names() -> None:
    assert names_of("relay", "The Relay", ["Mover", "RELAY", "..."]) == ["relay", "the-relay", "mover"]


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("# A `b` [[C]]\n", "A b C"),
        ("text\n\nTitle\n=====\n", "Title"),
        ("## Second\n", ""),
        ("```\n# no\n```", ""),
    ],
)
def test_the_first_heading_is_a_title(text: str, heading: str) -> None:
    assert first_heading(text) == heading
