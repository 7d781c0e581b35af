"""Where comments, literals and quoted names of a statement begin and end, as PostgreSQL reads them.

One pass from the left: a mark of a comment inside a literal is text, and a quote inside a comment is none.
"""

import re
from typing import Final, NamedTuple

# What opens nothing. Names are taken whole, for `fore'…'` has no escapes and `a$$` is one name; PostgreSQL counts every
# character beyond ASCII as a letter.
_PLAIN: Final = re.compile(
    r"""(?:
        [^'"$/\-A-Za-z_\x80-\U0010ffff]++
      | (?![eE]'|[uU]&['"]) [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*+
      | -(?!-) | /(?!\*) | \$(?!(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*+)?\$)
    )*+""",
    re.VERBOSE,
)
# A literal with escapes goes on in the same way after a line break, also when comments stand between.
_QUOTED: Final = re.compile(
    r"""(?P<line>--[^\n\r]*+)
      | (?P<block>/\*)
      | (?P<dollar>\$(?:[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*+)?\$)
      | (?P<name>(?:[uU]&)?"(?:[^"]++|"")*+")
      | (?P<literal>(?:[uU]&)?'(?:[^']++|'')*+')
      | (?P<escapes>[eE]'(?:[^'\\]++|\\.|''
            |'(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*+[\n\r])*+')*+')""",
    re.VERBOSE | re.DOTALL,
)
_BLOCK_MARK: Final = re.compile(r"/\*|\*/")
# psycopg puts something else in their place, so that quotes in or after them are not where they seem to be.
_AFTER_PLACEHOLDER: Final = re.compile(r"[%)][sbt](?:[eE]'|[uU]&|\$)")
_ODD_PLACEHOLDER: Final = re.compile(r"(?<!%)(?:%%)*+%\((?![\w.]+\)[sbt])")
_PLACEHOLDER: Final = re.compile(r"%\([^)]*+\)[sbt]")
_MARKS: Final = re.compile(r"['\"$]|--|/\*|\*/")
_BETWEEN: Final = "\n$$\n"


class Lexed(NamedTuple):
    """A statement without its comments, three times; bodies in dollar quotes follow it, read like it."""

    code: str  # with literals
    plain: str  # without them: each is ''
    bare: str  # and without quoted names: each is ""
    escapes: bool  # it has literals or names that are not written as what they say, or dollar quotes


def lexed(statement: str) -> Lexed:
    """Return `statement` without comments, with and without literals and quoted names.

    What is never closed is left as it is, with all that follows: PostgreSQL refuses such a statement whole.
    """
    found = _Found([], [], [], [statement])
    escapes = False
    for text in found.texts:  # grows by the bodies that are found
        escapes |= _read(text, found)
    return Lexed("".join(found.code), "".join(found.plain), "".join(found.bare), escapes)


def is_clear(statement: str, bare: str) -> bool:
    """Return whether the quotes of `statement` are where they seem to be once psycopg has put in its parameters."""
    if _AFTER_PLACEHOLDER.search(bare):
        return False
    return not _ODD_PLACEHOLDER.search(bare) or not any(
        _MARKS.search(placeholder.group()) for placeholder in _PLACEHOLDER.finditer(statement)
    )


class _Found(NamedTuple):
    code: list[str]
    plain: list[str]
    bare: list[str]
    texts: list[str]

    def add(self, code: str, plain: str, bare: str) -> None:
        self.code.append(code)
        self.plain.append(plain)
        self.bare.append(bare)


def _read(text: str, found: _Found) -> bool:
    """Add a text's parts to `found`, and return whether it has escapes or dollar quotes."""
    escapes, at = False, 0
    while True:
        start = _end_of_plain(text, at)
        found.add(*[text[at:start]] * 3)
        match = _QUOTED.match(text, start)
        end = -1 if match is None else _end(text, match)
        if match is None or end < 0:
            found.add(*[text[start:] + _BETWEEN] * 3)
            return escapes
        whole, kind = text[start:end], match.lastgroup
        escapes |= kind in ("dollar", "escapes") or whole[0] in "uU"
        match kind:
            case "line" | "block":
                found.add(" ", " ", " ")
            case "name":
                found.add(whole, whole, '""')
            case "dollar":
                found.add("$$", "$$", "$$")
                found.texts.append(text[match.end() : end - len(match.group())])
            case _:
                found.add(whole, "''", "''")
        at = end


def _end_of_plain(text: str, at: int) -> int:
    plain = _PLAIN.match(text, at)
    return plain.end() if plain else at


def _end(text: str, match: re.Match[str]) -> int:
    """Return where a match ends with all that belongs to it; -1 when it is never closed."""
    match match.lastgroup:
        case "block":
            return _end_of_block(text, match.end())
        case "dollar":
            closing = text.find(match.group(), match.end())
            return closing + len(match.group()) if closing >= 0 else -1
        case _:
            return match.end()


def _end_of_block(text: str, at: int) -> int:
    depth = 1
    for mark in _BLOCK_MARK.finditer(text, at):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return -1
