"""How the suite is spread over processes."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARED = "tests/contracts/"  # a file's tests share processes that take long to start


class FilesOfSystemsTogether(LoadScopeScheduling):  # type: ignore[misc]  # xdist.scheduler has no types
    """Spreads tests one by one, those of a file below SHARED together.

    xdist's own way, `--dist loadgroup`, has no effect with pytest 9.2: it renames tests by an attribute that is not
    read any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(SHARED) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesOfSystemsTogether:
    return FilesOfSystemsTogether(config, log)
