"""`manage.py startmodule`: what it makes, what it refuses, and that it makes all or nothing."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from monolith import composed
from monolith.module import Tier
from monolith.scaffold.files import write_all
from monolith.scaffold.module_list import UnexpectedForm, with_module
from monolith.scaffold.new_module import NewModule, files, problems
from tests.project_copy import ROOT, copy_environ, copy_project

MANAGE: Final = """\
import sys
from pathlib import Path
from monolith.commands import execute
execute(sys.argv, project=Path(__file__).resolve().parent)
"""
SETTINGS: Final = """\
import os
from pathlib import Path
from monolith import Profile, compose
from monolith.embedded import environ
from settings.modules import MODULES
BASE_DIR = Path(__file__).resolve().parents[1]
profile = Profile.{profile}
globals().update(compose(profile, MODULES, environ(profile, os.environ, BASE_DIR)).settings())
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
EMPTY_LIST: Final = '"""The whole system."""\n\nMODULES = []\n'

type Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has the framework and no module yet."""
    texts = {"manage.py": MANAGE, "settings/__init__.py": "", "settings/modules.py": EMPTY_LIST}
    for profile in ("PRIVATE", "MIGRATOR"):
        texts[f"settings/{profile.lower()}.py"] = SETTINGS.format(profile=profile)
    (tmp_path / "settings").mkdir()
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def manage(project: Path) -> Manage:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_in(project, "manage.py", *arguments, PYTHONPATH=f"{project}:{ROOT}")

    return run


def run_in(place: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=place,
        env=copy_environ(**environ),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def written(project: Path) -> dict[str, str]:
    return {
        path.relative_to(project).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(project.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and "var" not in path.parts
    }


# What it makes.


def test_the_first_module_of_a_project_is_sealed_and_needs_no_migration(
    project: Path, manage: Manage
) -> None:
    made = manage("startmodule", "library", "--title", "Our library")

    assert made.returncode == 0, made.stderr
    assert "from apps.library.module import module as library\n" in written(project)["settings/modules.py"]
    assert 'title="Our library"' in written(project)["apps/library/module.py"]
    checked = manage("check", "--fail-level", "WARNING", "--settings=settings.private")
    assert checked.returncode == 0, checked.stderr
    migrations = manage("makemigrations", "--check", "--dry-run")
    assert migrations.returncode == 0, migrations.stdout


def test_a_second_module_may_call_the_first(project: Path, manage: Manage) -> None:
    manage("startmodule", "library")
    made = manage("startmodule", "loans", "--tier", "private", "--requires", "library")

    assert made.returncode == 0, made.stderr
    assert 'requires=("library",)' in written(project)["apps/loans/module.py"]
    assert "MODULES = [library, loans]" in written(project)["settings/modules.py"]


def test_a_dry_run_shows_files_and_the_change_and_makes_nothing(project: Path, manage: Manage) -> None:
    before = written(project)
    shown = manage("startmodule", "library", "--dry-run").stdout

    assert "  contracts/library.py\n" in shown
    assert "  +MODULES = [library]\n" in shown
    assert written(project) == before


@pytest.mark.parametrize("tier", [Tier.PUBLIC, Tier.PRIVATE, Tier.BOTH])
def test_routes_and_public_rows_are_those_of_the_tier(tier: Tier) -> None:
    made = files(NewModule(name="library", tier=tier))

    routes, module = made["apps/library/routes.py"], made["apps/library/module.py"]
    assert ("public = Router()" in routes) == (Tier.PUBLIC in tier)
    assert ("private = Router()" in routes) == (Tier.PRIVATE in tier)
    assert ('PublicRelation(name="library_item")' in module) == (Tier.PUBLIC in tier)
    assert f"tier=Tier.{tier.name}," in module


# What it refuses.


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Library", "lower-case"),
        ("2fast", "lower-case"),
        ("library_v2", "version"),
        ("platform", "reserved"),
        ("private", "reserved"),
        ("sessions", "reserved"),
        ("pg_stat", "reserved"),
        ("import", "Python"),
        ("list", "Python"),
        ("json", "standard library"),
        ("hikes", "declared already"),
        ("item", "two things called Item"),
        ("app", "two things called AppConfig"),
        ("x" * 40, "at most 39"),
    ],
)
def test_a_name_that_will_not_do_is_refused_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    found = list(
        problems(NewModule(name=name, tier=Tier.BOTH), declared=composed().declared, project=tmp_path)
    )

    assert any(reason in problem for problem in found), found


@pytest.mark.parametrize("name", ["library", "tide_tables2", "x" * 39, "a"])
def test_a_name_that_will_do_is_not(tmp_path: Path, name: str) -> None:
    new = NewModule(name=name, tier=Tier.BOTH, title="Tide's tables, 2", requires=("hikes", "stars"))

    assert list(problems(new, declared=composed().declared, project=tmp_path)) == []


@pytest.mark.parametrize("title", ['a "b"', "a\\b", "a\nb", " a", "a" * 61])
def test_a_title_that_is_no_string_in_code_is_refused(tmp_path: Path, title: str) -> None:
    new = NewModule(name="library", tier=Tier.BOTH, title=title)

    assert [p for p in problems(new, declared={}, project=tmp_path) if p.startswith("--title")]


@pytest.mark.parametrize("place", ["apps/library", "contracts/library.py", "tests/apps/library"])
def test_what_is_there_already_is_not_written_over(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)

    found = list(problems(NewModule(name="library", tier=Tier.BOTH), declared={}, project=tmp_path))

    assert found == [f"{place} is there already; choose another name, or move it away"]


def test_only_modules_that_may_be_called_are_required(tmp_path: Path) -> None:
    new = NewModule(name="library", tier=Tier.BOTH, requires=("nothing", "compliance"))

    unknown, gate = problems(new, declared=composed().declared, project=tmp_path)

    assert "'nothing', which is not declared; known: agent, chat, compliance, " in unknown
    assert "'compliance', whose gate may be asked by agent, " in gate


def test_every_reason_is_given_at_once_and_nothing_is_made(project: Path, manage: Manage) -> None:
    before = written(project)
    refused = manage("startmodule", "library", "--requires", "hikes", "--title", 'a "b"')

    assert refused.returncode == 1
    assert "--title" in refused.stderr
    assert "--requires" in refused.stderr
    assert written(project) == before


# All or nothing.


def test_a_list_of_another_form_is_left_alone_and_what_to_add_is_said(project: Path, manage: Manage) -> None:
    (project / "settings" / "modules.py").write_text("MODULES = list([])\n", encoding="utf-8")
    before = written(project)
    refused = manage("startmodule", "library")

    assert refused.returncode == 1
    assert "from apps.library.module import module as library\n  and library to MODULES" in refused.stderr
    assert written(project) == before

    made = manage("startmodule", "library", "--unlisted")

    assert made.returncode == 0, made.stderr
    assert before.items() <= written(project).items()
    assert "apps/library/module.py" in written(project)


def test_a_file_in_the_way_undoes_what_was_made(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine", encoding="utf-8")

    with pytest.raises(FileExistsError):
        write_all(tmp_path, new={"a/b/c": "new", "there": "new"}, changed={})

    assert written(tmp_path) == {"there": "mine"}
    assert not (tmp_path / "a").exists()


def test_a_list_that_cannot_be_replaced_undoes_what_was_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_all(tmp_path, new={"a/b": "new"}, changed={"list": "new"})

    assert list(tmp_path.iterdir()) == []


def test_a_changed_file_keeps_its_mode_and_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"a\r\n")
    file.chmod(0o640)

    write_all(tmp_path, new={}, changed={"list": "b\r\n"})

    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"b\r\n", 0o640)


# The list of modules.


def lines(*names: str) -> str:
    return "".join(f"from apps.{name}.module import module as {name}\n" for name in names)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            EMPTY_LIST,
            f'"""The whole system."""\n\n{lines("library")}\nMODULES = [library]\n',
            id="empty",
        ),
        pytest.param(
            "MODULES = []\n", f"{lines('library')}\nMODULES = [library]\n", id="empty without docstring"
        ),
        pytest.param(
            "from typing import Final\n\nMODULES: Final = []\n",
            f"from typing import Final\n\n{lines('library')}\nMODULES: Final = [library]\n",
            id="annotated",
        ),
        pytest.param(
            f"{lines('hikes', 'ships')}\nMODULES = [hikes, ships]  # all\n",
            f"{lines('hikes', 'library', 'ships')}\nMODULES = [hikes, library, ships]  # all\n",
            id="between",
        ),
        pytest.param(
            f"{lines('ships')}\nMODULES = [ships]\n",
            f"{lines('library', 'ships')}\nMODULES = [library, ships]\n",
            id="first",
        ),
        pytest.param(
            f"{lines('hikes', 'ships')}\nMODULES = [ships, hikes]\n",
            f"{lines('hikes', 'library', 'ships')}\nMODULES = [ships, hikes, library]\n",
            id="an order of its own",
        ),
        pytest.param(
            f"{lines('hikes', 'ships')}\nMODULES = [\n    hikes,  # walks\n    # at sea\n    ships\n]\n",
            f"{lines('hikes', 'library', 'ships')}\nMODULES = [\n    hikes,  # walks\n    library,\n    # at sea\n    ships\n]\n",
            id="a line each",
        ),
        pytest.param(
            f"{lines('hikes')}\nMODULES = [\n    hikes  # walks\n]\n",
            f"{lines('hikes', 'library')}\nMODULES = [\n    hikes,  # walks\n    library,\n]\n",
            id="no comma at the end",
        ),
        pytest.param(
            f"{lines('hikes')}\nMODULES = [\n    # none\n]\n",
            f"{lines('hikes', 'library')}\nMODULES = [\n    library,\n    # none\n]\n",
            id="a comment alone",
        ),
        pytest.param(
            f"{lines('hikes')}\r\nMODULES = [hikes]\r\n".replace("hikes\n", "hikes\r\n"),
            f"{lines('hikes', 'library')}\nMODULES = [hikes, library]\n".replace("\n", "\r\n"),
            id="line ends",
        ),
        pytest.param(
            f"{lines('hikes', 'a_name_that_is_long')}\nMODULES = [hikes, a_name_that_is_long, hikes, a_name_that_is_long]\n",
            f"{lines('hikes', 'a_name_that_is_long', 'library')}\nMODULES = [\n    hikes,\n    a_name_that_is_long,\n"
            "    hikes,\n    a_name_that_is_long,\n    library,\n]\n",
            id="too long for a line",
        ),
        pytest.param(
            "MODULES = []\n\nimport os\n",
            f"{lines('library')}\nMODULES = [library]\n\nimport os\n",
            id="imports below it",
        ),
        pytest.param(
            f"{lines('hikes')}\nMODULES = [hikes, Module(name='other', tier=Tier.BOTH)]\n",
            f"{lines('hikes', 'library')}\nMODULES = [hikes, Module(name='other', tier=Tier.BOTH), library]\n",
            id="an entry that is no name",
        ),
    ],
)
def test_one_more_module_leaves_the_rest_as_it_is(before: str, after: str) -> None:
    assert with_module(before, "library", line_length=72) == after


def test_a_long_import_is_broken_as_formatters_do() -> None:
    text = with_module("MODULES = []\n", "library", line_length=40)

    assert text.startswith("from apps.library.module import (\n    module as library,\n)\n")


@pytest.mark.parametrize(
    ("names", "name"), [(["x2", "x10"], "x3"), (["knowledge"], "knowledge_base"), (["b"], "a"), (["a"], "b")]
)
def test_imports_stay_sorted_as_ruff_sorts_them(tmp_path: Path, names: list[str], name: str) -> None:
    file = tmp_path / "modules.py"
    text = f"{lines(*names)}\nMODULES = [{', '.join(names)}]\n"
    file.write_text(with_module(text, name, line_length=110), encoding="utf-8")

    sorted_ = run_in(tmp_path, "-m", "ruff", "check", "--isolated", "--select=I", "modules.py")

    assert sorted_.returncode == 0, sorted_.stdout


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("MODULES = [", "cannot be read"),
        ("", "no single MODULES"),
        ("MODULES = ()", "no single MODULES"),
        ("MODULES = []\nMODULES = []", "no single MODULES"),
        ("MODULES = [\n    a, b,\n]", "one line for each entry"),
        ("MODULES = [a,\n    b]", "one line for each entry"),
        ("import os; MODULES = []", "in an unusual way"),
        ("library = 1\nMODULES = []", "uses the name 'library'"),
        ("import library\nMODULES = []", "uses the name 'library'"),
        ("def library(): ...\nMODULES = []", "uses the name 'library'"),
    ],
)
def test_a_list_that_is_not_understood_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UnexpectedForm, match=reason):
        with_module(text, "library", line_length=110)


# The whole of it, in a project that is checked for everything.

LONGEST: Final = "x" * 39
MADE: Final = [
    place
    for name in ("library", "loans", LONGEST)
    for place in (f"apps/{name}", f"contracts/{name}.py", f"tests/apps/{name}")
]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project with a new module for each tier, one of them with the longest name there may be."""
    place = copy_project(tmp_path_factory.mktemp("three") / "project")
    for arguments in (
        ("library",),
        ("loans", "--tier=private", "--requires=library"),
        (LONGEST, "--tier=public", "--requires=library,loans,hikes,ships,stars", "--title=Tide's tables"),
    ):
        made = run_in(place, "manage.py", "startmodule", *arguments)
        assert made.returncode == 0, made.stderr
    return place


@pytest.mark.slow
def test_new_modules_break_no_rule_but_that_they_do_not_call_yet_what_they_require(three: Path) -> None:
    found = json.loads(run_in(three, "manage.py", "verify", "--no-database", "--json").stdout)

    assert found["violations"]
    assert {(v["code"], v["path"]) for v in found["violations"]} == {
        ("declarations.unused-requires", f"apps/{name}/module.py") for name in ("loans", LONGEST)
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("-m", "ruff", "check", *MADE, "settings"), id="ruff check"),
        pytest.param(("-m", "ruff", "format", "--check", *MADE, "settings"), id="ruff format"),
        pytest.param(("-m", "mypy", *MADE, "settings"), id="mypy"),
        pytest.param((f"{sys.prefix}/bin/lint-imports",), id="lint-imports"),
        pytest.param(("manage.py", "makemigrations", "--check", "--dry-run"), id="makemigrations"),
        pytest.param(
            ("manage.py", "check", "--fail-level=WARNING", "--settings=settings.private"), id="check private"
        ),
        pytest.param(
            ("manage.py", "check", "--fail-level=WARNING", "--settings=settings.public"), id="check public"
        ),
        pytest.param(
            ("-m", "pytest", "-n0", *[place for place in MADE if "tests" in place]), id="their tests"
        ),
        # Every pair of modules has its boundary tests; two pairs of new ones tell whether that is so.
        pytest.param(
            ("-m", "pytest", "-n0", "tests/architecture", "-k", "library and loans"), id="boundary tests"
        ),
    ],
)
def test_new_modules_pass_every_check_of_the_project_untouched(three: Path, command: tuple[str, ...]) -> None:
    checked = run_in(three, *command)

    assert checked.returncode == 0, checked.stdout + checked.stderr
