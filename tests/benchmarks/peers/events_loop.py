"""The peer of the events benchmark: outbox, relay, consumer and worker written by hand with psycopg and nats-py.

It executes the framework's own statements on the same tables, one process each for relay and consumer and some for
workers, and nothing besides: no contexts, limits, leases, traces, retries or shares. Each part is a command:

    python -m tests.benchmarks.peers.events_loop relay|consume|work --database … --broker … --stream …
"""

import argparse
import asyncio
import json
import select
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import nats
import psycopg
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig

ROOT: Final = Path(__file__).resolve().parents[3]
PUBLISHER: Final = "module0"
READERS: Final = ("module2", "module3")
SUBJECT: Final = "peer.module0.Counted"
ENVIRONMENT: Final = "test"
BATCH: Final = 500
MAX_BYTES: Final = 8 * 1024**2
CLAIMED: Final = 20
LEASE_S: Final = 75
SEE: Final = (
    "INSERT INTO seen (source, thing, number, correlation, causation) VALUES (%(source)s, %(thing)s, %(number)s,"
    " %(correlation)s, %(causation)s)"
)


def statement(package: str, name: str) -> str:
    """Return one of the framework's statements."""
    return (ROOT / "monolith" / package / "queries" / f"{name}.sql").read_text()


def connect(database: str, schema: str) -> psycopg.Connection[Any]:
    options = f"-c search_path={schema}"
    return psycopg.connect(database, autocommit=True, options=options, prepare_threshold=3)


async def relay(database: str, broker: str) -> None:
    """Move the outbox to the broker, for ever."""
    connection, client = connect(database, PUBLISHER), await nats.connect(broker)
    listening = connect(database, PUBLISHER)
    listening.execute("LISTEN monolith_outbox")
    context = client.jetstream(publish_async_max_pending=BATCH)
    look, sent = statement("events", "look"), statement("events", "sent")
    while True:
        found = connection.execute(
            look, {"environment": ENVIRONMENT, "limit": BATCH, "max_bytes": MAX_BYTES}
        ).fetchall()
        rows = [(message, body) for _, message, _, body in found if message]
        futures = [
            await context.publish_async(SUBJECT, body.encode(), headers={"Nats-Msg-Id": str(message)})
            for message, body in rows
        ]
        await asyncio.gather(*futures)
        if rows:
            connection.execute(sent, {"ids": [message for message, _ in rows]})
        else:
            await asyncio.to_thread(wait_for_notice, listening)


def wait_for_notice(connection: psycopg.Connection[Any]) -> None:
    for _ in connection.notifies(timeout=1.0, stop_after=1):
        return


async def consume(database: str, broker: str, stream: str) -> None:
    """Move what the broker has to the inboxes, for ever."""
    client = await nats.connect(broker)
    context = client.jetstream()
    await asyncio.gather(*(consume_for(context, database, stream, reader) for reader in READERS))


async def consume_for(context: Any, database: str, stream: str, reader: str) -> None:
    connection = connect(database, reader)
    connection.execute(statement("events", "make_lanes"))
    advance, lock, keep = (statement("events", name) for name in ("advance", "lock_keys", "keep"))
    subscription = await context.pull_subscribe_bind(reader, stream)
    row = connection.execute(statement("events", "position"), {"stream": f"peer:{stream}"}).fetchone()
    since = row[0] if row else 0
    while True:
        try:
            messages = await subscription.fetch(BATCH, timeout=0.5)
        except TimeoutError:
            continue
        if not messages:
            continue
        until = messages[-1].metadata.sequence.stream
        envelopes = [json.loads(message.data) for message in messages]
        task = f"modules.{reader}.subscribers.first"
        keys = [f"{task}|{envelope['partitionkey']}" for envelope in envelopes]
        with connection.transaction(), connection.pipeline():
            connection.execute(advance, {"stream": f"peer:{stream}", "since": since, "until": until})
            connection.execute(lock, {"keys": keys})
            connection.execute(
                keep,
                {
                    "module": reader,
                    "tasks": [task] * len(messages),
                    "messages": [UUID(envelope["id"]) for envelope in envelopes],
                    "arguments": [f'{{"args": [{m.data.decode()}], "kwargs": {{}}}}' for m in messages],
                    "travels": [
                        json.dumps({"correlation": e["correlationid"], "causation": e["id"]})
                        for e in envelopes
                    ],
                    "keys": keys,
                    "heavy": [False] * len(messages),
                    "priorities": [0] * len(messages),
                },
            )
        since = until
        await messages[-1].ack()


def work(database: str, name: str) -> None:
    """Run what is in the inboxes, for ever."""
    connections = {reader: connect(database, reader) for reader in READERS}
    listening = connect(database, READERS[0])
    listening.execute("LISTEN monolith_jobs")
    sql = {
        name: statement("jobs", name)
        for name in ("claim", "start", "succeed", "succeed_and_start", "unblock_ordered")
    }
    while True:
        ran = sum(work_off(connection, sql, name) for connection in connections.values())
        if not ran:
            select.select([listening.fileno()], [], [], 0.25)
            for _ in listening.notifies(timeout=0):
                pass


def work_off(connection: psycopg.Connection[Any], sql: dict[str, str], name: str) -> int:
    leases = json.dumps({f"modules.{reader}.subscribers.first": LEASE_S for reader in READERS})
    given = {"limit": CLAIMED, "heavy": False, "claim_s": 2.0, "leases": leases, "worker": name}
    jobs = deque(sorted(connection.execute(sql["claim"], given).fetchall()))
    started: Any = jobs.popleft() if jobs and jobs[0][-1] else None
    ran = 0
    while started is not None or jobs:
        job = started
        if job is None:
            job = jobs.popleft()
            given = {"id": job[0], "fence": job[1], "lease_s": LEASE_S, "worker": name}
            if not connection.execute(sql["start"], given).fetchone():
                continue
        started = run(connection, sql, job, jobs, name)
        ran += 1
    return ran


def run(
    connection: psycopg.Connection[Any], sql: dict[str, str], job: Any, jobs: "deque[Any]", name: str
) -> Any:
    """Run a started job; returns the next one if the same commit has started it."""
    event, travels = job[3]["args"][0], job[4]
    following = jobs.popleft() if jobs else None
    given: dict[str, Any] = {"id": job[0], "fence": job[1], "result": "null"}
    with connection.transaction():
        connection.execute(
            SEE,
            {
                "source": PUBLISHER,
                "thing": event["data"]["thing"],
                "number": event["data"]["number"],
                **travels,
            },
        )
        with connection.pipeline():
            if following is None:
                ended = connection.execute(sql["succeed"], given)
            else:
                given |= {
                    "next_id": following[0],
                    "next_fence": following[1],
                    "lease_s": LEASE_S,
                    "worker": name,
                }
                ended = connection.execute(sql["succeed_and_start"], given)
            connection.execute(sql["unblock_ordered"], {"concurrency_key": job[8]})
        row = ended.fetchone()
        is_started = bool(following is not None and row and row[1])
    return following if is_started else None


async def make_stream(broker: str, stream: str) -> None:
    """Make the stream and its consumers, as the framework has its own."""
    client = await nats.connect(broker)
    context = client.jetstream()
    await context.add_stream(
        StreamConfig(name=stream, subjects=["peer.>"], retention=RetentionPolicy.INTEREST)
    )
    for reader in READERS:
        config = ConsumerConfig(durable_name=reader, ack_policy=AckPolicy.ALL, max_ack_pending=5_000)
        await context.add_consumer(stream, config)
    await client.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=["relay", "consume", "work"])
    parser.add_argument("--database", required=True)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--stream", required=True)
    options = parser.parse_args(arguments)
    if options.part == "relay":
        asyncio.run(relay(options.database, options.broker))
    elif options.part == "consume":
        asyncio.run(consume(options.database, options.broker, options.stream))
    else:
        work(options.database, f"peer/{time.time_ns()}")


if __name__ == "__main__":
    main()
