"""Comments are taken away where PostgreSQL reads one, and nowhere else."""

import re
import time

import pytest

from monolith.lexing import is_clear, lexed
from monolith.statement import Names, Reading, read

NAMES = Names({}, re.compile("(?!)"))
QUOTES = [
    "'{}'",
    "'it''s {}'",
    "'\\' || '{}'",
    "E'{}'",
    "e'\\'{}'",
    "E'\\\\' || '{}'",
    "E'x'\n'\\'{}'",
    "E'x' -- it's\n  -- more\n '\\'{}'",
    "U&'{}'",
    "u&'\\' || '{}'",
    '"{}"',
    '"a""{}"',
    "$${}$$",
    "$a$ $$ {} $a$",
    "$é1$ {} $é1$",
    "B'{}'",
    "N'{}'",
    "name$$ || '{}'",
    "$1 || '{}'",
    "éE'\\' || '{}'",
    "1 - 2 / 3 || '{}'",
]
MARKS = ["--", "/*", "*/", "/* /*", "$x$ --"]
HIDDEN = "set_config('monolith.tenant', 'b', true)"


def reading(statement: str) -> Reading:
    found = read(statement, NAMES)
    assert found is not None
    return found


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("quotes", QUOTES)
def test_mark_in_quotes_hides_nothing_after_it(quotes: str, mark: str) -> None:
    quoted = quotes.format(mark)

    assert reading(f"SELECT {quoted}, {HIDDEN}; SELECT name FROM hikes_hut").names_tenant
    assert reading(f"SELECT {quoted}, {HIDDEN} AS x, '*/'").names_tenant
    assert reading(f"SELECT {quoted}; SET ROLE other").changes_role
    assert reading(f"SELECT {quoted}; SET statement_timeout = 0").changes_session
    assert reading(f"SELECT {quoted}; DO 'x'").is_dynamic
    assert reading(f"SELECT {quoted}, query_to_xml('x', true, true, '')").is_dynamic


@pytest.mark.parametrize("quotes", [quotes for quotes in QUOTES if "'" not in quotes.partition("{}")[0][1:]])
def test_what_is_in_quotes_is_not_code(quotes: str) -> None:
    found = reading(f"SELECT {quotes.format('; DO nothing; SET x = 1').replace(';', ' ')}")

    assert not found.is_dynamic
    assert not found.changes_session


@pytest.mark.parametrize(
    "comment",
    [
        "-- it's\n",
        "-- it's\r",
        "/* it's */",
        "/* /* it's */ ' */",
        "/*/ it's */",
        "/* ' **/",
        "/*/* ' */*/",
        "+/* ' */",
        '/* " $$ -- */',
        "--/*\n",
    ],
)
def test_quote_in_a_comment_hides_nothing_after_it(comment: str) -> None:
    assert reading(f"SELECT 1 {comment}, {HIDDEN}, 'x'").names_tenant
    assert reading(f"SELECT 1 {comment}; SET/* x */ROLE a").changes_role
    assert lexed(f"a{comment}b").code.replace("+", "").split()[:2] == ["a", "b"]


@pytest.mark.parametrize("comment", ["-- {}", "/* {} */", "/* /* */ {} */", "--\t'{}\n"])
def test_what_a_comment_says_is_not_read(comment: str) -> None:
    found = reading(f"SELECT 1 {comment.format('; SET ROLE x; monolith.tenant; DO')}")

    assert found == Reading((), False, False, False, False, False)


def test_bodies_in_dollar_quotes_are_read_as_code() -> None:
    body = lexed(
        "CREATE FUNCTION f() AS $f$ SELECT '--', $g$ SET /* x */ ROLE a; -- it's $g$ $f$ LANGUAGE sql"
    )

    assert "SET   ROLE a" in body.plain
    assert "it's" not in body.code
    assert reading("DO $$ BEGIN SET/**/ROLE x; END $$").changes_role
    assert reading("DO 'BEGIN SET/**/ROLE x; END'").changes_role
    assert reading("SELECT set_config('x', $$ , true)$$, false)").changes_session


def test_quoted_name_is_no_word_of_sql() -> None:
    found = reading('SELECT "hikes_hut"."execute", "a; do" FROM "hikes_hut" WHERE "execute" = \'EXECUTE\'')

    assert not found.is_dynamic
    assert reading("EXECUTE x").is_dynamic
    assert reading("SELECT \"query_to_xml\"('x', true, true, '')").is_dynamic
    assert reading('UPDATE "pg_settings" SET setting = 1').is_dynamic


def test_name_of_a_function_may_be_quoted() -> None:
    assert reading("SELECT \"set_config\"('role', 'x', true)").changes_role
    assert reading("SELECT \"set_config\"('x.y', 'x', false)").changes_session


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT %(')s, f(), %(')s",
        "SELECT %(--)s, f()",
        "SELECT %%%(/*)s, f(), %(*/)s",
        "SELECT %sE'\\', f(), '",
        "SELECT %(x)sE'\\', f(), '",
        "SELECT %s$$'$$, f(), '",
        'SELECT %sU&"x"',
        "SET LOCAL standard_conforming_strings = off",
        "SELECT set_config('standard_conforming_strings', 'off', true)",
    ],
)
def test_statement_whose_quotes_could_end_elsewhere_is_refused(statement: str) -> None:
    assert reading(statement).names_tenant


@pytest.mark.parametrize(
    "statement",
    ["SELECT 1 %(2+1)", "SELECT %(a)s, '%(''x)s'", "SELECT 'books' ~ '(k|b)s$', 5 %% (2)", "SELECT %s"],
)
def test_parameters_and_remainders_are_clear(statement: str) -> None:
    assert is_clear(statement, lexed(statement).bare)


@pytest.mark.parametrize(
    "piece", ["'", "''", "E'\\'", '"', "/*", "*/", "--", "$$", "$a$", "$a", "(%s, %s), ", "E'\n'"]
)
def test_long_statements_are_read_in_time_that_grows_as_they_do(piece: str) -> None:
    for statement in (piece * 30_000, f"{piece * 30_000}'", f"SELECT '{piece * 30_000}"):
        began = time.perf_counter()
        reading(statement)
        assert time.perf_counter() - began < 5


def test_what_is_never_closed_is_read_whole() -> None:
    for opening in ("'", '"', "E'", "$x$", "/*", "/* /* */"):
        assert "SET ROLE x" in lexed(f"SELECT {opening} SET ROLE x").bare
