"""Walk the audit's chains and say whether they are whole."""

from argparse import ArgumentParser
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from apps.compliance import chain
from apps.compliance.chain import Break, Chain


class Command(BaseCommand):
    help = (
        "Recompute every hash of the audit's chains, one per tenant. Prints the first break of each and exits with 1 "
        "when there is one. Keep the printed ends elsewhere: a chain that its owner wrote anew ends otherwise."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="only this tenant's chain; '' is the default tenant's")

    def handle(self, *args: Any, tenant: str | None, **options: Any) -> None:
        """Raise CommandError, which exits with 1, when a chain is broken or the tenant has none."""
        console = Console(file=cast("IO[str]", self.stdout), soft_wrap=True, highlight=False)
        chains = chain.chains(tenant)
        if tenant is not None and not chains:
            raise CommandError(f"Tenant {tenant!r} has no entries. Leave --tenant out to verify every chain.")
        breaks = [found for each in chains if (found := self._verify(console, each))]
        if breaks:
            raise CommandError(f"{len(breaks)} of {len(chains)} chains broken")

    def _verify(self, console: Console, each: Chain) -> Break | None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task(f"tenant {each.tenant!r}", total=each.length)
            found = chain.first_break(
                each, chain.links(each), progress=lambda position: progress.update(bar, completed=position)
            )
        if found is None:
            console.print(f"tenant {each.tenant!r}: {each.length} entries, whole; ends with {each.hash}")
        else:
            console.print(f"tenant {each.tenant!r}: broken at {found.position}: {found.what}", markup=False)
        return found
