"""`manage.py serve`: one tier under granian."""

from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from monolith.serving.granian_server import DEFAULT_THREADS, PORTS, Serving, serve, serving_profile
from monolith.serving.lifeline import follow, wait_at


class Command(BaseCommand):
    help = (
        "Check that this process holds what its tier allows and no more, then serve it. "
        "Exit codes: 0 ended by a signal, 1 failed, 3 refused (the findings say why), 4 the port is taken."
    )

    requires_system_checks = ()  # they come after the profile is known to be one that serves

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument(
            "--port", type=int, help="port (8000 for the public tier, 8001 for the private one)"
        )
        parser.add_argument("--workers", type=int, default=1, help="processes that answer requests (1)")
        parser.add_argument(
            "--threads",
            type=int,
            help="requests that one worker answers at a time (4 on the public tier, 64 on the private one)",
        )
        parser.add_argument("--access-log", action="store_true", help="log every request")
        parser.add_argument("--lifeline", type=int, help=SUPPRESS)
        parser.add_argument("--gate", type=int, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["lifeline"] is not None:
            follow(options["lifeline"])
        profile = serving_profile()
        self.check()
        serving = Serving(
            host=options["host"],
            port=PORTS[profile] if options["port"] is None else options["port"],
            workers=options["workers"],
            threads=DEFAULT_THREADS[profile] if options["threads"] is None else options["threads"],
            access_log=options["access_log"],
        )
        if options["gate"] is not None:
            wait_at(options["gate"])
        serve(serving)
