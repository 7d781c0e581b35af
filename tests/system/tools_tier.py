"""The reference application's private tier in a process of its own, with tokens for its tools."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from monolith.embedded import PostgresCluster
from tests.served_tier import ROOT, served, tier_environ
from tests.system.running_up import prepared_directory
from tests.system.served_tokens import served_token


@dataclass(frozen=True)
class Tier:
    url: str
    environ: dict[str, str]

    def token(self, name: str, *, tenant: str = "") -> str:
        """Return the secret of a new token that may call everything."""
        return served_token(ROOT, self.environ, name, tenant=tenant)


@pytest.fixture(scope="module")
def tier() -> Iterator[Tier]:
    with prepared_directory() as directory:
        cluster = PostgresCluster(directory)
        environ = tier_environ(cluster, "private")
        with served(cluster, "private") as serving:
            yield Tier(serving.address, {**os.environ, **environ})
