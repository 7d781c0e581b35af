"""The option by which a management command names its tenant."""

from argparse import ArgumentParser


def add_tenant_option(parser: ArgumentParser) -> None:
    """Add `--tenant`, which a command must be given: its work goes into `with acting(tenant=options["tenant"])`."""
    parser.add_argument("--tenant", required=True, metavar="NAME", help="the tenant whose rows this is about")
