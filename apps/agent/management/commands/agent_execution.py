"""Start execution as a process that has the broker and nothing else."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand

from monolith import composed

# What any program needs, and what says where the broker's and the services' certificates are.
KEPT: Final = (
    "HOME",
    "LANG",
    "LC_ALL",
    "PATH",
    "PYTHONPATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
)


def reduced(environ: Mapping[str, str], broker: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that is handed on: no database, no password file, no secret."""
    kept = {name: value for name, value in environ.items() if name in KEPT or name.startswith("AGENT_")}
    return kept | {name: value for name, value in broker.items() if value}


class Command(BaseCommand):
    help = "Make agent's calls in a process of their own, which has the broker's address and nothing else."

    def handle(self, *args: Any, **options: Any) -> None:
        """Become that process. Where nothing else is installed, `python -m apps.agent.execution` is the same."""
        known = composed().environment
        broker = {
            "MONOLITH_ENVIRONMENT": known.environment,
            "MONOLITH_BROKER_URL": known.broker_url,
            "MONOLITH_BROKER_CREDENTIALS": known.broker_credentials,
            "MONOLITH_BROKER_REPLICAS": str(known.broker_replicas),
            "MONOLITH_BROKER_MAX_BYTES": str(known.broker_max_bytes),
        }
        os.chdir(Path(__file__).resolve().parents[4])
        command = [sys.executable, "-m", "apps.agent.execution"]
        os.execve(sys.executable, command, reduced(os.environ, broker))  # noqa: S606 - no shell, and none is wanted
