"""What brokers do for several processes and threads: claims of a name, and a connection for each."""

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from monolith.events.broker import Broker
from tests.monolith.events.broker_use import (
    WAIT_S,
    broker,
    eventually,
    keep_all,
    nats,
    numbered,
    on_servers,
    open_,
    read,
    read_texts,
    reading,
    rig,
)
from tests.monolith.events.brokers_rigs import ServerRig

__all__ = ["broker", "nats", "open_", "rig"]

CLAIM: Final = """
import json, sys
from datetime import timedelta
from monolith.events.brokers import open_broker
options, holder, ttl = json.loads(sys.argv[1])
broker = open_broker(options.pop("url"), **options)
for line in sys.stdin:
    name = line.strip()
    if name.startswith("-"):
        broker.release(name[1:], holder=holder)
        print("released", flush=True)
    else:
        print(broker.claim(name, holder=holder, ttl=timedelta(seconds=ttl) if ttl else None), flush=True)
broker.close()
from django.conf import settings
assert not settings.configured
"""


class Claimer:
    """A process of its own that claims."""

    def __init__(self, rig: ServerRig, holder: str, ttl: float = 0) -> None:
        self.holder = holder
        self._process = subprocess.Popen(
            [sys.executable, "-c", CLAIM, json.dumps([rig.options(), holder, ttl])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )

    def says(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def end(self) -> int:
        self._process.communicate(timeout=WAIT_S)
        return self._process.returncode


@pytest.mark.slow
@on_servers
def test_claims_hold_over_processes(rig: ServerRig, broker: Broker) -> None:
    claimers = [Claimer(rig, "one"), Claimer(rig, "two")]
    one, two = claimers
    name = "call 7/ä.*>%"
    assert one.says(name) == "one"
    assert two.says(name) == "one"
    assert one.says(name) == "one"
    assert two.says(f"-{name}") == "released"  # another's: nothing happens
    assert two.says(name) == "one"
    assert one.says(f"-{name}") == "released"
    assert two.says(name) == "two"
    assert [each.end() for each in claimers] == [0, 0]
    assert broker.claim(name, holder="three") == "two"


def test_claims_with_an_end_are_free_after_it_unless_claimed_again(broker: Broker) -> None:
    ttl = timedelta(seconds=1)
    assert broker.claim("lead", holder="one", ttl=ttl) == "one"
    assert broker.claim("lead", holder="two", ttl=ttl) == "one"
    eventually(lambda: broker.claim("lead", holder="two", ttl=timedelta(seconds=60)) == "two")
    assert broker.claim("lead", holder="one", ttl=ttl) == "two"
    assert broker.claim("for good", holder="one") == "one"


def test_many_claim_one_name_and_one_has_it(broker: Broker) -> None:
    answers: list[str] = []

    def claim(holder: str) -> None:
        answers.append(broker.claim("only", holder=holder))

    threads = [threading.Thread(target=claim, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1


@on_servers
def test_a_forked_child_has_its_own_connection(broker: Broker) -> None:
    keep_all(broker, numbered(5))
    reader = reading(broker)
    assert len(read(reader, 2, limit=2)) == 2

    child = os.fork()
    if not child:
        code = 1
        try:
            keep_all(broker, numbered(5, start=5))
            broker.close()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert read_texts(reader, 8) == [str(n) for n in range(2, 10)]
