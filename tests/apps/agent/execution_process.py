"""The execution worker as an operating system starts it: with a broker's address and little else."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
ENVIRONMENT: Final = "test"


class ExecutionProcess:
    """One worker process, which a test may kill and start again."""

    def __init__(self, broker_url: str, origin: str, directory: Path, **variables: str) -> None:
        self.log = directory / "execution.log"
        # All that it gets: nothing that names a database, and nobody's password file.
        self._environ = {
            "PATH": os.environ["PATH"],
            "MONOLITH_BROKER_URL": broker_url,
            "MONOLITH_ENVIRONMENT": ENVIRONMENT,
            "AGENT_OUTBOUND_ALLOW": origin,
            "AGENT_OUTBOUND_NETWORKS": "127.0.0.0/8",
            "AGENT_CALL_TIMEOUT_S": "2",
            **variables,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a worker."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "apps.agent.execution"],
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Tell it to stop; returns its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(60)


@contextmanager
def executing(broker_url: str, origin: str, directory: Path, **variables: str) -> Iterator[ExecutionProcess]:
    """Run a worker until the block ends."""
    worker = ExecutionProcess(broker_url, origin, directory, **variables)
    worker.start()
    try:
        yield worker
    finally:
        if worker.process is not None and worker.process.poll() is None:
            worker.kill()
