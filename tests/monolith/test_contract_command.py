"""`manage.py contracts` in a project of one module: files, releases, and changes that break readers."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.project_copy import ROOT, copy_environ

FOLDER: Final = "docs/reference/contracts"
PROJECT: Final = {
    "manage.py": """\
import sys
from pathlib import Path
from monolith.commands import execute
execute(sys.argv, project=Path(__file__).resolve().parent)
""",
    "settings/__init__.py": "",
    "settings/migrator.py": """\
import os
from pathlib import Path
from monolith import Module, Profile, Tier, compose
from monolith.embedded import environ
BASE_DIR = Path(__file__).resolve().parents[1]
modules = [Module(name="ships", tier=Tier.PRIVATE)]
composition = compose(Profile.MIGRATOR, modules, environ(Profile.MIGRATOR, os.environ, BASE_DIR))
globals().update(composition.settings())
""",
    "apps/__init__.py": "",
    "apps/ships/__init__.py": "",
    "contracts/__init__.py": "",
    "contracts/ships.py": '''\
from typing import Protocol
from monolith.contracts import Interface, Schema

class Vessel(Schema):
    """One vessel."""

    mmsi: int
    name: str

class Ships(Interface, Protocol):
    """Vessels."""

    def find(self, *, mmsi: int) -> Vessel:
        """Find a vessel."""
        ...
''',
}
NOTHING_RELEASED: Final = "Nothing was released yet, so nothing can break"
ADVICE: Final = (
    "Keep to what was released, or make the change in a new major version beside the old one: "
    "contracts/<module>_v2.py, provided by apps/<module>/api_v2.py. "
    "A message gets a new version and an upcaster instead.\n"
)

type Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(project: Path) -> Run:
    def contracts(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", "contracts", *arguments],
            cwd=project,
            env=copy_environ(PYTHONPATH=f"{project}:{ROOT}", **environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return contracts


def change(project: Path, old: str, new: str, *, name: str = "contracts/ships.py") -> None:
    path = project / name
    assert old in path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def documents(project: Path) -> dict[str, str]:
    folder = project / FOLDER
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.json")}


def test_documents_are_written_without_a_database_and_the_same_in_every_process(run: Run) -> None:
    nowhere = "postgresql://127.0.0.1:9/nowhere"
    first = run(DATABASE_URL=nowhere, PYTHONHASHSEED="1")
    again = run(DATABASE_URL=nowhere, PYTHONHASHSEED="2")

    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines() == [
        f"{FOLDER}/ships/v1/Vessel.json",
        f"{FOLDER}/ships/v1/openapi.json",
        "2 files changed, 2 in all.",
    ]
    assert again.stdout == "0 files changed, 2 in all.\n"


def test_files_that_do_not_say_what_the_contracts_say_are_stale(project: Path, run: Run) -> None:
    run()
    change(project, "    name: str\n", "    name: str\n    flag: str | None = None\n")
    (project / FOLDER / "ships/v1/Vessel.json").unlink()
    (project / FOLDER / "ships/v1/Boat.json").write_text("{}")

    checked = run("--check")
    written = run()

    assert checked.returncode == 1
    assert checked.stdout.splitlines() == [
        "These files are not what the contracts say:",
        f"  - {FOLDER}/ships/v1/Boat.json is stale",
        f"  - {FOLDER}/ships/v1/Vessel.json is stale",
        f"  - {FOLDER}/ships/v1/openapi.json is stale",
        "Run `manage.py contracts`.",
    ]
    assert written.returncode == 0
    assert sorted(documents(project)) == ["ships/v1/Vessel.json", "ships/v1/openapi.json"]
    fresh = run("--check")
    assert fresh.returncode == 0
    assert fresh.stdout.startswith(f"2 files are what the contracts say.\n{NOTHING_RELEASED}")


def test_a_change_that_breaks_readers_is_named_and_not_released(project: Path, run: Run) -> None:
    run("--release")
    change(project, "    name: str\n", "    title: str\n")
    run()
    before = documents(project)

    checked, released = run("--check"), run("--release")

    broken = "  - ships.find -> result.name is gone; keep it, under its name\n"
    assert checked.returncode == 1
    assert checked.stdout == f"These changes break readers of the last release:\n{broken}{ADVICE}"
    assert released.returncode == 1
    assert released.stdout == f"The documents are not released, because they break readers:\n{broken}{ADVICE}"
    assert documents(project) == before


def test_a_change_that_adds_passes_and_is_released(project: Path, run: Run) -> None:
    run("--release")
    change(project, "    name: str\n", "    name: str\n    flag: str | None = None\n")
    run()

    checked, released = run("--check"), run("--release")

    assert checked.returncode == 0, checked.stdout
    assert "Nothing breaks readers of the last release." in checked.stdout
    assert released.returncode == 0
    assert "flag" in documents(project)["released/ships/v1/Vessel.json"]


def test_a_change_that_breaks_readers_passes_as_a_new_version_beside_the_old_one(
    project: Path, run: Run
) -> None:
    run("--release")
    second = project / "contracts/ships_v2.py"
    second.write_text((project / "contracts/ships.py").read_text().replace("    name: str\n", ""))
    run()

    together = run("--check")
    (project / "contracts/ships.py").unlink()
    alone = run("--check")
    shutil.rmtree(project / FOLDER / "released/ships/v1")
    run()
    retired = run("--check")

    assert together.returncode == 0, together.stdout
    assert alone.returncode == 1
    assert (
        "ships.v1 is no longer promised; "
        "serve it until nobody calls it, then delete released/ships/v1 to say so" in alone.stdout
    )
    assert retired.returncode == 0, retired.stdout
    assert sorted(documents(project)) == ["ships/v2/Vessel.json", "ships/v2/openapi.json"]


EVENT: Final = '''

class VesselMoored(Event, key="mmsi"):
    """A vessel lies at a berth."""

    mmsi: int
    berth: str
'''
UPCASTER: Final = """

@upcaster(VesselMoored, version=1)
def call_it_place(payload: dict[str, Any]) -> dict[str, Any]:
    payload["place"] = payload.pop("berth")
    return payload
"""
SUBSCRIBERS: Final = '''\
from contracts.ships import VesselMoored
from monolith.events import subscriber

@subscriber
def remember(event: VesselMoored) -> None:
    """Remember it."""
'''
MOORED: Final = "ships/messages/VesselMoored.v1.json"


@pytest.fixture
def with_event(project: Path) -> Path:
    """The project, whose module has an event and handles it itself."""
    contract = project / "contracts/ships.py"
    imports = "from typing import Any, Protocol\nfrom monolith.contracts import Event, Interface, Schema, upcaster\n"
    _, _, rest = contract.read_text().partition("\n\n")
    contract.write_text(f"{imports}\n{rest}{EVENT}")
    (project / "apps/ships/subscribers.py").write_text(SUBSCRIBERS)
    return project


def test_messages_have_documents_and_asyncapi_says_who_handles_them(with_event: Path, run: Run) -> None:
    written = run()

    assert written.returncode == 0, written.stderr
    assert sorted(documents(with_event)) == [
        "asyncapi.json",
        MOORED,
        "ships/v1/Vessel.json",
        "ships/v1/openapi.json",
    ]
    assert list(json.loads(documents(with_event)["asyncapi.json"])["operations"]) == [
        "ships.sends.ships.VesselMoored",
        "ships.receives.ships.VesselMoored",
    ]
    change(with_event, "def remember", "def forget", name="apps/ships/subscribers.py")
    assert run("--check").returncode == 0
    (with_event / "apps/ships/subscribers.py").unlink()
    assert f"{FOLDER}/asyncapi.json is stale" in run("--check").stdout


def test_a_field_of_an_event_under_another_name_breaks_and_one_more_does_not(
    with_event: Path, run: Run
) -> None:
    run("--release")
    change(with_event, "    berth: str\n", '    berth: str\n    pilot: str = ""\n')
    run()
    more = run("--check")
    change(with_event, "    berth: str\n", "    place: str\n")
    run()
    before = documents(with_event)
    other = run("--check")
    released = run("--release")

    assert more.returncode == 0, more.stdout
    assert other.returncode == 1
    otherwise = "or make it version 2 with @upcaster(VesselMoored, version=1)"
    assert other.stdout == (
        "These changes break readers of the last release:\n"
        f"  - ships.VesselMoored.berth is gone; keep it, under its name, {otherwise}\n"
        f"  - ships.VesselMoored.place is new and required; give it a default, {otherwise}\n{ADVICE}"
    )
    assert released.returncode == 1
    assert documents(with_event) == before


def test_a_new_version_of_an_event_passes_with_an_upcaster_and_not_without(
    with_event: Path, run: Run
) -> None:
    run("--release")
    change(with_event, "    berth: str\n", "    place: str\n")
    change(with_event, '(Event, key="mmsi")', '(Event, key="mmsi", version=2)')
    run()
    without = run("--check")
    contract = with_event / "contracts/ships.py"
    contract.write_text(contract.read_text() + UPCASTER)
    run()
    with_one, released = run("--check"), run("--release")

    assert without.returncode == 1
    assert (
        "  - ships.VesselMoored is version 2 and does not read version 1; "
        "add to the contract: @upcaster(VesselMoored, version=1)\n" in without.stdout
    )
    assert with_one.returncode == 0, with_one.stdout
    assert released.returncode == 0
    assert [name for name in documents(with_event) if name.startswith("released/ships/messages")] == [
        "released/ships/messages/VesselMoored.v2.json"
    ]


def test_an_event_that_is_gone_breaks_until_its_released_document_is_deleted(
    with_event: Path, run: Run
) -> None:
    run("--release")
    (with_event / "apps/ships/subscribers.py").unlink()
    change(with_event, EVENT, "")
    run()
    gone = run("--check")
    (with_event / FOLDER / "released" / MOORED).unlink()
    deleted = run("--check")

    assert gone.returncode == 1
    assert (
        "ships.VesselMoored is no longer declared; keep it until nobody handles it and none waits, then "
        in gone.stdout
    )
    assert deleted.returncode == 0, deleted.stdout


def test_documents_of_a_part_of_the_system_are_not_written(with_event: Path, run: Run) -> None:
    settings = with_event / "settings/migrator.py"
    text = settings.read_text()
    settings.write_text(text.replace("modules = [", 'modules = [Module(name="docks", tier=Tier.PRIVATE), '))
    (with_event / "apps/docks").mkdir()
    (with_event / "apps/docks/__init__.py").write_text("")

    part = run("--check", MONOLITH_MODULES="ships")

    assert part.returncode == 1
    assert "unset MONOLITH_MODULES, it leaves out ['docks']" in part.stderr


def test_messages_that_would_not_work_are_named_and_nothing_is_written(with_event: Path, run: Run) -> None:
    change(with_event, 'key="mmsi"', 'key="imo"')

    refused = run()

    assert refused.returncode == 3
    assert "contracts.ships.VesselMoored has the key 'imo', which is no field of it" in refused.stderr
    assert documents(with_event) == {}
