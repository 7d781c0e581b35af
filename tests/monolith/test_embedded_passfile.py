"""Password files, as libpq reads them."""

import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.sql import SQL, Literal

from monolith.embedded import PostgresCluster
from monolith.embedded.passfile import entries, generate_password, set_entry, write_passfile
from tests.monolith.embedded_clusters import connect, standing

__all__ = ["standing"]

field = st.text(st.characters(exclude_characters="\n\r\0", codec="utf-8") | st.sampled_from(":\\*#"))


@given(st.dictionaries(field, field))
def test_what_is_written_is_read(passwords: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "pgpass"
        write_passfile(path, passwords)
        assert entries(path) == passwords


@given(st.dictionaries(field, field), field, field)
def test_setting_one_role_leaves_the_others(passwords: dict[str, str], role: str, password: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "pgpass"
        write_passfile(path, passwords)
        set_entry(path, role=role, password=password)
        assert entries(path) == passwords | {role: password}


@pytest.mark.parametrize("password", [r"a:b", "back\\slash", r"\:", "end\\", "*", "# not a comment", " ü "])
def test_libpq_reads_the_password_that_was_meant(
    standing: PostgresCluster, tmp_path: Path, password: str
) -> None:
    with connect(standing) as connection:
        connection.execute("DROP DATABASE IF EXISTS guests")  # pg_hba.conf keeps guests out of `postgres`
        connection.execute("CREATE DATABASE guests")
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute(SQL("CREATE ROLE guest LOGIN PASSWORD {}").format(Literal(password)))
    path = tmp_path / "pgpass"
    set_entry(path, role="guest", password="for another server", port="1")
    set_entry(path, role="guest", password=password)
    with connect(standing, dbname="guests", user="guest", passfile=str(path)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("guest",)


def test_other_lines_and_comments_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "pgpass"
    path.write_text("# mine\ndb.example:5432:*:me:se\\:cret\nbroken line\n*:*:*:shop_rw:old\n")
    set_entry(path, role="shop_rw", password="new")
    assert path.read_text() == "# mine\ndb.example:5432:*:me:se\\:cret\nbroken line\n*:*:*:shop_rw:new\n"


def test_line_for_one_server_stands_before_the_line_for_any(tmp_path: Path) -> None:
    path = tmp_path / "pgpass"
    set_entry(path, role="shop_rw", password="any")
    set_entry(path, role="shop_rw", password="one", host="db.example", port="5432")
    assert path.read_text() == "db.example:5432:*:shop_rw:one\n*:*:*:shop_rw:any\n"
    assert entries(path, host="db.example", port="5432") == {"shop_rw": "one"}
    assert entries(path, host="localhost", port="5432") == {"shop_rw": "any"}


def test_unescaped_colons_belong_to_the_password_as_in_libpq(tmp_path: Path) -> None:
    path = tmp_path / "pgpass"
    path.write_text("*:*:*:me:one:two\r\n")
    assert entries(path) == {"me": "one:two"}


def test_file_is_for_its_owner_alone_even_where_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "pgpass"
    set_entry(path, role="me", password="x")
    path.chmod(0o644)
    set_entry(path, role="me", password="y")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["pgpass"]


@pytest.mark.parametrize("password", ["a\nb", "a\rb", "a\0b"])
def test_line_break_is_refused_and_nothing_is_written(tmp_path: Path, password: str) -> None:
    path = tmp_path / "pgpass"
    with pytest.raises(ValueError, match="line break"):
        set_entry(path, role="me", password=password)
    assert not path.exists()


def test_missing_file_holds_nothing(tmp_path: Path) -> None:
    assert entries(tmp_path / "none") == {}


def test_generated_passwords_differ_and_need_no_escape() -> None:
    made = {generate_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) == 32 and not set(":\\'\"") & set(password) for password in made)
