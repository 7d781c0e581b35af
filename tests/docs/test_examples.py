"""The Python examples in README and docs run."""

import re
from pathlib import Path

import pytest
from django.test.utils import isolate_apps

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(code, id=f"{path.relative_to(ROOT)}:{path.read_text()[: match.start()].count(chr(10)) + 1}")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for match in BLOCK.finditer(path.read_text())
    for code in [match.group(1)]
]


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("code", EXAMPLES)
def test_example_runs(code: str) -> None:
    # A model class needs an app; the example's stands in for the reader's own.
    namespace = {"__name__": "apps.hikes.example"}
    with isolate_apps("apps.hikes"):
        exec(compile(code, "example", "exec"), namespace)  # noqa: S102 (the documentation's own code)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4
