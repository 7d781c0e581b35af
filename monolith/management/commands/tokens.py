"""`manage.py tokens`: make, list and revoke what agents call tools with, and forget what is old."""

import getpass
import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError
from django_rich.management import RichCommand
from rich.table import Table

from monolith.composition import composed
from monolith.management.actions import Actions
from monolith.profile import Profile
from monolith.tools import tokens
from monolith.tools.models import Token
from monolith.tools.retention import KEPT_DAYS, forget_all
from monolith.tools.scopes import suggestions
from monolith.tools.tokens import DEFAULT_LIFE, MAX_LIFE, TokenProblem


class Command(RichCommand):
    help = "Make, list and revoke the tokens that agents call tools with."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        action = Actions(parser).add
        create = action("create", "Make a token and show its secret, which nobody can tell again.")
        create.add_argument("name", metavar="NAME", help="what or whom it is for")
        create.add_argument(
            "--scope",
            action="append",
            required=True,
            metavar="TAG:MODULE",
            help="what it may call, once for each: read:knowledge, execute:agent, read:* for every module",
        )
        create.add_argument("--tenant", default="", metavar="NAME", help="on whose data its calls act")
        create.add_argument(
            "--days",
            type=int,
            default=DEFAULT_LIFE.days,
            metavar="N",
            help=f"its life, at most {MAX_LIFE.days}",
        )
        create.add_argument("--calls-a-minute", type=int, default=120, metavar="N")
        create.add_argument("--units-a-day", type=int, default=10_000, metavar="N")
        action("list", "List tokens, with what they may call and when they were last used.")
        action("revoke", "End a token from now on.").add_argument("name", metavar="NAME")
        action("forget", f"Let go of calls and decisions that ended more than {KEPT_DAYS} days ago.")

    def handle(self, *_: Any, action: str, **options: Any) -> None:
        if composed().profile is not Profile.PRIVATE:
            raise CommandError("Tokens are the private tier's; run it with --settings=settings.private.")
        getattr(self, f"_{action}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        try:
            token, secret = tokens.make(
                name=options["name"],
                scopes=options["scope"],
                made_by=f"command:{getpass.getuser()}",
                tenant=options["tenant"],
                life=timedelta(days=options["days"]),
                calls_a_minute=options["calls_a_minute"],
                units_a_day=options["units_a_day"],
            )
        except TokenProblem as error:
            raise CommandError(f"{error}\n{suggestions(composed().modules)}") from None
        if options["json"]:
            self.stdout.write(json.dumps({**_row(token), "secret": secret}))
            return
        self.stdout.write(secret)
        self.stderr.write(f"Good until {token.expires_at:%Y-%m-%d}. It is not shown again.")

    def _list(self, options: dict[str, Any]) -> None:
        rows = [_row(token) for token in Token.objects.all()]
        if options["json"]:
            self.stdout.write(json.dumps({"tokens": rows}))
            return
        if not rows:
            self.stdout.write("No tokens.")
            return
        table = Table(*rows[0])
        for row in rows:
            table.add_row(
                *(", ".join(value) if isinstance(value, list) else str(value) for value in row.values())
            )
        self.console.print(table)

    def _revoke(self, options: dict[str, Any]) -> None:
        since = tokens.revoke(options["name"])
        if since is None:
            raise CommandError(
                f"There is no token called {options['name']!r}; `manage.py tokens list` names them."
            )
        if options["json"]:
            self.stdout.write(json.dumps({"name": options["name"], "revoked_at": since.isoformat()}))
        else:
            self.stdout.write(f"Revoked since {since:%Y-%m-%d %H:%M:%S %Z}.")

    def _forget(self, options: dict[str, Any]) -> None:
        gone = forget_all()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(gone)))
        else:
            self.stdout.write(f"{gone.calls} calls and {gone.decisions} decisions.")


def _row(token: Token) -> dict[str, Any]:
    state = "revoked" if token.revoked_at else "expired" if tokens.is_over(token) else "good"
    return {
        "name": token.name,
        "state": state,
        "scopes": list(token.scopes),
        "tenant": token.tenant,
        "expires_at": token.expires_at.isoformat(timespec="minutes"),
        "used_at": token.used_at.isoformat(timespec="minutes") if token.used_at else "",
        "made_by": token.made_by,
    }
