"""`python -m apps.agent.execution`: the worker as a process of its own, with the broker's address and nothing else."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping

from apps.agent.execution.configuration import Configuration
from apps.agent.execution.worker import Worker
from monolith.environment import read_environment
from monolith.errors import MonolithError
from monolith.events.brokers import broker_of


def forbidden(environ: Mapping[str, str]) -> list[str]:
    """Return the variables that this process is not to have: what it cannot use, nobody can take from it."""
    return sorted(
        name
        for name in environ
        if name.startswith(("DATABASE_URL", "PG", "MONOLITH_CONTRACT_KEYS_"))
        or name in ("MONOLITH_ADMIN_URL", "MONOLITH_SECRET_KEY", "MONOLITH_ANALYTICS_URL")
    )


async def work(environ: Mapping[str, str]) -> None:
    """Work until told to stop by SIGTERM or SIGINT. Raises ValueError and MonolithError for what cannot be."""
    environment = read_environment(environ)
    configuration = Configuration.read(environ)
    broker = broker_of(environment)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await Worker(broker, environment=environment.environment, configuration=configuration).run(stopping)


def main() -> int:
    """Run the worker; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    if found := forbidden(os.environ):
        sys.stderr.write(f"Execution has the broker and nothing else; unset {', '.join(found)}.\n")
        return 3
    try:
        asyncio.run(work(os.environ))
    except (ValueError, MonolithError) as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
