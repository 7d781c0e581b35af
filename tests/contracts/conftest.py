"""Systems for the contract tests: prepared once per run, their modules placed in one process or in several."""

from collections.abc import Iterator

import pytest

from tests.contracts.processes import Placement, System
from tests.contracts.reference.modules import ASKER, PROVIDERS
from tests.contracts.reference.modules import MODULES as APPLICATION
from tests.contracts.systems import placed, prepared
from tests.contracts.toy.modules import MODULES as TOY
from tests.otlp import Receiver, receiving

PLACEMENTS = ("direct", "json", "http")


@pytest.fixture(scope="session")
def collector() -> Iterator[Receiver]:
    """What the processes of these tests send as traces."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def toy_system(collector: Receiver) -> Iterator[System]:
    with prepared(TOY, "tests.contracts.toy", telemetry_url=collector.url) as system:
        yield system


@pytest.fixture(scope="session", params=PLACEMENTS)
def toy(request: pytest.FixtureRequest, toy_system: System) -> Iterator[Placement]:
    """The toy's shop, and what it calls, in each placement."""
    if request.param == "http":
        yield request.getfixturevalue("remote_toy")
        return
    with placed(toy_system, request.param, calling="shop", elsewhere=["stock", "ledger"]) as placement:
        yield placement


@pytest.fixture(scope="session")
def remote_toy(toy_system: System) -> Iterator[Placement]:
    """The toy's shop with each module that it calls in a process of its own."""
    with placed(toy_system, "http", calling="shop", elsewhere=["stock", "ledger"]) as placement:
        yield placement


@pytest.fixture(scope="session")
def application_system(collector: Receiver) -> Iterator[System]:
    """The reference application with its sample data."""
    samples = ["load_samples", *(m.name for m in APPLICATION if m.name in PROVIDERS and m.sample_data)]
    with prepared(APPLICATION, "tests.contracts.reference", samples, telemetry_url=collector.url) as system:
        yield system


@pytest.fixture(scope="session")
def remote_application(application_system: System) -> Iterator[Placement]:
    """The application with each module that provides a contract in a process of its own."""
    with placed(application_system, "http", calling=ASKER.name, elsewhere=PROVIDERS) as placement:
        yield placement


@pytest.fixture(scope="session")
def applications(application_system: System, remote_application: Placement) -> Iterator[list[Placement]]:
    """The application in each placement."""
    with (
        placed(application_system, "direct", calling=ASKER.name, elsewhere=[]) as direct,
        placed(application_system, "json", calling=ASKER.name, elsewhere=[]) as json,
    ):
        yield [direct, json, remote_application]


@pytest.fixture(params=PLACEMENTS)
def application(request: pytest.FixtureRequest, applications: list[Placement]) -> Placement:
    """The application in one placement after the other."""
    return applications[PLACEMENTS.index(request.param)]
