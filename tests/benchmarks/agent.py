"""The Service Agent end to end: calls of many tenants with due times over a while, execution killed at random.

    python -m tests.benchmarks.agent --calls 10000 --tenants 20 --seconds 60

Starts a database and a broker of its own in a throw-away directory, the jobs of the modules agent and compliance, an
echo server, and execution as a process without a database. Ends with 1 unless every call ended once, with one request
or as unknown, and has a correlation id of its own.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tests.apps.agent.echo_server import EchoServer, serving
from tests.apps.agent.execution_process import ENVIRONMENT, ROOT, ExecutionProcess
from tests.benchmarks.ending import clean_up_when_terminated
from tests.nats_server import nats_server

SUBMIT: Final = """
import sys
from datetime import UTC, datetime, timedelta
from apps.agent import submissions
from contracts.agent import CallRequest
from monolith import entering
from monolith.contracts import acting
calls, tenants, seconds, origin = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
begin = datetime.now(UTC)
with entering("agent"):
    for number in range(calls):
        with acting(tenant=f"tenant-{number % tenants}"):
            submissions.submit(
                name="bench",
                request=CallRequest(url=f"{origin}/echo?n={number}"),
                due_at=begin + timedelta(seconds=seconds * number / calls),
                idempotency_key=f"bench-{number}",
            )
"""
COUNT: Final = """
import json, sys
from collections import Counter
from apps.agent.models import ServiceCall
from monolith import entering
from monolith.contracts import acting
found, correlations = Counter(), 0
with entering("agent"):
    for number in range(int(sys.argv[1])):
        with acting(tenant=f"tenant-{number}"):
            rows = list(ServiceCall.objects.values_list("status", "outcome", "correlation_id"))
            correlations += len({row[2] for row in rows})
            for status, outcome, _ in rows:
                reason = (outcome or {}).get("reason", "")
                found[f"{status} {reason}".strip()] += 1
print(json.dumps({"found": found, "correlations": correlations}))
"""


def python(environ: dict[str, str], *arguments: str, code: str = "") -> str:
    """Run a command of the project, or some code in it; returns what it prints."""
    begin = "import django; django.setup()\n"
    command = ["-c", begin + code, *arguments] if code else ["manage.py", *arguments]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(
            f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
    return done.stdout


@contextmanager
def running(environ: dict[str, str], log: Path, *arguments: str) -> Iterator[None]:
    """Run a command of the project until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(40)
        process.kill()


def watch(
    options: argparse.Namespace, environ: dict[str, str], execution: ExecutionProcess
) -> dict[str, Any]:
    """Kill execution now and then until every call has ended; returns how they did."""
    choice = random.Random(options.seed)
    kills, ends = 0, time.monotonic() + options.patience
    while time.monotonic() < ends:
        time.sleep(choice.uniform(2, 6))
        if time.monotonic() < ends - options.patience + options.seconds:
            execution.kill()
            execution.start()
            kills += 1
        state: dict[str, Any] = json.loads(python(environ, str(options.tenants), code=COUNT).splitlines()[-1])
        print(f"{kills} kills: {state['found']}", flush=True)
        ended = sum(
            count for status, count in state["found"].items() if status.startswith(("Succeeded", "Failed"))
        )
        if ended == options.calls:
            return state
    sys.exit("not every call ended in time")


def judge(options: argparse.Namespace, echo: EchoServer, state: dict[str, Any]) -> list[str]:
    """Return what is wrong."""
    found, counts = Counter(state["found"]), echo.counts
    unknown = found["Failed outcome_unknown"]
    wrong = [f"{target} was asked for {count} times" for target, count in counts.items() if count > 1]
    if set(found) - {"Succeeded", "Failed outcome_unknown"}:
        wrong.append(f"calls ended otherwise: {found}")
    if not found["Succeeded"] <= sum(counts.values()) <= found["Succeeded"] + unknown:
        wrong.append(
            f"{sum(counts.values())} requests for {found['Succeeded']} that succeeded and {unknown} unknown"
        )
    if state["correlations"] != options.calls:
        wrong.append(f"{state['correlations']} correlation ids for {options.calls} calls")
    return wrong


def main() -> None:
    """Run once and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("calls", 10_000),
        ("tenants", 20),
        ("seconds", 60),
        ("patience", 900),
        ("seed", 20261121),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="agent-bench-"))
    try:
        with nats_server(directory) as server, serving() as echo:
            sys.exit(_run(options, directory, server.url, echo))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _run(options: argparse.Namespace, directory: Path, broker: str, echo: EchoServer) -> int:
    environ = {
        **os.environ,
        "MONOLITH_DATA_DIR": str(directory / "var"),
        "MONOLITH_BROKER_URL": broker,
        "MONOLITH_ENVIRONMENT": ENVIRONMENT,
        "AGENT_EXECUTION": "apart",
        "DJANGO_SETTINGS_MODULE": "settings.private",
    }
    of_migrator = {name: value for name, value in environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    execution = ExecutionProcess(broker, echo.origin, directory)
    try:
        python(of_migrator, "prepare", "--no-samples")
        execution.start()
        with running(
            environ | {"MONOLITH_MODULES": "agent,compliance"},
            directory / "jobs.log",
            "qcluster",
            "--workers",
            "4",
        ):
            began = time.monotonic()
            python(
                environ,
                *map(str, (options.calls, options.tenants, options.seconds)),
                echo.origin,
                code=SUBMIT,
            )
            print(f"submitted in {time.monotonic() - began:.1f} s", flush=True)
            state = watch(options, environ, execution)
        wrong = judge(options, echo, state)
        print(
            f"{options.calls} calls in {time.monotonic() - began:.1f} s: {state['found']}", *wrong, sep="\n"
        )
        return 1 if wrong else 0
    finally:
        if execution.process is not None and execution.process.poll() is None:
            execution.kill()
        python(of_migrator, "down", "--erase", "--yes")


if __name__ == "__main__":
    clean_up_when_terminated()
    main()
