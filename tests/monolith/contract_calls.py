"""A dispatcher whose provider is written in the test, over each transport that stays in this process."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from monolith import Module, Profile, Tier, compose, entering
from monolith.contracts import dispatcher as dispatching
from monolith.contracts.contract import contract_of
from monolith.contracts.decisions import forget_decisions
from monolith.contracts.dispatcher import Dispatcher
from monolith.contracts.transports.in_process import InProcess
from monolith.contracts.transports.json_round_trip import JsonRoundTrip
from tests.monolith.promised.ships import Ships

type Provide = Callable[..., None]

MODULES: Final = [
    Module(name="hikes", tier=Tier.BOTH, requires=("ships",)),
    Module(name="ships", tier=Tier.BOTH),
    Module(name="idle", tier=Tier.BOTH),
]


@pytest.fixture(params=["direct", "json"])
def provide(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provide]:
    """Return a function that takes ships' operations, `provide(get=…)`; the caller is hikes."""
    composition = compose(Profile.PRIVATE, MODULES, {"MONOLITH_SECRET_KEY": "tests sign nothing"})
    functions: dict[str, Any] = {}
    inner = InProcess(functions)
    way = inner if request.param == "direct" else JsonRoundTrip(inner)
    carrier = Dispatcher(composition, {"ships": way})
    monkeypatch.setattr(dispatching, "dispatcher", lambda: carrier)
    operations = contract_of(Ships).operations

    def provider(**given: Callable[..., Any]) -> None:
        functions.update({operations[name].label: function for name, function in given.items()})

    forget_decisions()
    with entering("hikes"):
        yield provider
    forget_decisions()
