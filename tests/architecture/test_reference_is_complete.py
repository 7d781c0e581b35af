"""What users can meet is documented: checks, settings, commands, the public API."""

import ast
import re
from pathlib import Path

import monolith
from monolith.environment import Environment
from monolith.verification.violation import Code

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def check_ids() -> set[str]:
    return set(re.findall(r"monolith\.[EW]\d{3}", (ROOT / "monolith" / "checks.py").read_text()))


def test_every_check_id_is_documented_and_no_other() -> None:
    documented = set(re.findall(r"monolith\.[EW]\d{3}", (REFERENCE / "checks.md").read_text()))

    assert documented == check_ids()


def test_check_ids_start_with_the_letter_of_their_severity() -> None:
    tree = ast.parse((ROOT / "monolith" / "checks.py").read_text())
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    found = {
        (call.func.id, keyword.value.value)
        for call in calls
        for keyword in call.keywords
        if keyword.arg == "id" and isinstance(keyword.value, ast.Constant) and isinstance(call.func, ast.Name)
    }

    assert {name for _, name in found} == check_ids()
    letters = {"Error": "E", "CheckWarning": "W"}
    assert [name for kind, name in found if str(name)[len("monolith.")] != letters[kind]] == []


def test_every_violation_is_documented_and_no_other() -> None:
    rows = re.findall(r"^\| ([a-z]+\.[a-z-]+) \|", (REFERENCE / "violations.md").read_text(), re.MULTILINE)

    assert rows == list(Code)


def test_every_environment_variable_is_documented_with_its_description() -> None:
    text = " ".join((REFERENCE / "settings.md").read_text().split())

    for field in Environment.model_fields.values():
        assert f"`{field.alias}`" in text
        assert str(field.description) in text


def test_every_command_is_documented() -> None:
    text = (REFERENCE / "commands.md").read_text()
    folders = [ROOT / "monolith", *(ROOT / "apps").iterdir()]
    names = [
        path.stem
        for folder in folders
        for path in (folder / "management" / "commands").glob("*.py")
        if not path.stem.startswith("_")
    ]

    assert [name for name in names if f"manage.py {name}" not in text] == []


def test_public_api_is_what_the_package_exports() -> None:
    assert monolith.__all__ == sorted(monolith.__all__)
    assert [name for name in monolith.__all__ if not hasattr(monolith, name)] == []
