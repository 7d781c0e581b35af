"""`manage.py qcluster`: run the jobs of the composed modules."""

import sys
from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monolith.composition import composed
from monolith.profile import Profile
from monolith.serving.lifeline import follow


class Command(BaseCommand):
    help = "Run the jobs of this process's modules in worker processes, until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--workers", type=int, default=0, help="worker processes (default: one per core, two at least)"
        )
        parser.add_argument(
            "--per-module",
            type=int,
            default=0,
            help="jobs of one module that run at the same time, so that none keeps the others waiting "
            "(default: half of the workers, one at least)",
        )
        parser.add_argument(
            "--grace",
            type=float,
            default=20.0,
            metavar="SECONDS",
            help="how long running jobs may take to end when this stops; then they are handed back (default: 20)",
        )
        parser.add_argument("--lifeline", type=int, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if composed().profile is not Profile.PRIVATE:
            raise CommandError("The public tier runs no jobs. Use --settings=settings.private.")
        if min(options["workers"], options["per_module"], options["grace"]) < 0:
            raise CommandError("--workers, --per-module and --grace are not negative.")
        # Its modules want Django to be ready.
        from monolith.jobs.cluster import (
            ClusterOptions,
            ModuleCluster,
            default_workers,
            use_plain_connections,
        )

        use_plain_connections()
        chosen = ClusterOptions(
            workers=options["workers"] or default_workers(),
            per_module=options["per_module"],
            grace_s=options["grace"],
        )
        cluster = ModuleCluster(chosen)
        cluster.start()
        if options["lifeline"] is not None:
            follow(options["lifeline"])  # only now: a thread does not go along when processes are forked
        self.stdout.write(f"Running the jobs of {', '.join(composed().modules)} in {chosen.workers} workers.")
        self.stdout.flush()
        cluster.sentinel.join()
        sys.exit(1 if cluster.sentinel.exitcode else 0)
