"""The reference application's private tier in a process of its own, with tokens for its tools."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from monolith.embedded import PostgresCluster
from tests.served_tier import ROOT, served, tier_environ
from tests.system.running_up import prepared_directory

EVERYTHING = ("read:*", "execute:*", "propose:*", "restricted:*")


@dataclass(frozen=True)
class Tier:
    url: str
    environ: dict[str, str]

    def token(self, name: str, *scopes: str, tenant: str = "") -> str:
        """Return the secret of a new token; without scopes it may call everything."""
        given = [word for scope in scopes or EVERYTHING for word in ("--scope", scope)]
        command = [
            "tokens",
            "create",
            name,
            *given,
            "--tenant",
            tenant,
            "--calls-a-minute",
            "100000",
            "--json",
        ]
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        secret: str = json.loads(done.stdout)["secret"]
        return secret


@pytest.fixture(scope="module")
def tier() -> Iterator[Tier]:
    with prepared_directory() as directory:
        cluster = PostgresCluster(directory)
        environ = tier_environ(cluster, "private")
        with served(cluster, "private") as serving:
            yield Tier(serving.address, {**os.environ, **environ})
