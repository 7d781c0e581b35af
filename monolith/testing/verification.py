"""What `manage.py verify` looks at, as tests: one for each module, one for the host, one for the grants.

Import them into a file of your tests, and pytest collects them there:

    from monolith.testing.verification import *
"""

import pytest
from django.db import connections

from monolith.composition import composed
from monolith.embedded import PostgresCluster
from monolith.module import PLATFORM
from monolith.project import project_directory
from monolith.verification.grants import drift
from monolith.verification.report import FAMILIES, NEED_DATABASE, Report, look, settings_package
from monolith.verification.system import read_system
from monolith.verification.violation import Violation

__all__ = ["test_every_rule_is_kept", "test_grants_are_as_declared", "verification"]


@pytest.fixture(scope="session")
def verification() -> Report:
    """What breaks a rule of the project, apart from grants."""
    declared = composed().declared
    system = read_system(project_directory(), declared, settings_package(declared))
    return look(system, FAMILIES.keys() - NEED_DATABASE)


@pytest.mark.parametrize("module", [*composed().declared, PLATFORM])
def test_every_rule_is_kept(verification: Report, module: str) -> None:
    _refuse([violation for violation in verification.violations if violation.module == module])


@pytest.mark.usefixtures("django_db_setup")
def test_grants_are_as_declared(cluster: PostgresCluster) -> None:
    database = connections["default"].settings_dict["NAME"]  # this worker's
    environment = composed().environment.model_copy(update={"database_url": cluster.url(database)})
    _refuse([*drift(composed().declared.values(), environment)])


def _refuse(violations: list[Violation]) -> None:
    if violations:
        lines = (f"{each.place} {each.code}: {each.message}; {each.fix}" for each in violations)
        pytest.fail("\n".join(lines), pytrace=False)
