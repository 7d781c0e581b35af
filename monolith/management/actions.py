"""The actions of a command, as `list` is of `manage.py jobs list`."""

from argparse import SUPPRESS, ArgumentParser


class Actions:
    """What declares the actions of a command, each with `--json`, and with `--module` where they are about modules."""

    def __init__(self, parser: ArgumentParser, *, of_modules: bool = False) -> None:
        self._parsers = parser.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")
        self._of_modules = of_modules

    def add(self, name: str, text: str) -> ArgumentParser:
        """Declare an action with its help; returns what its own options are added to."""
        added: ArgumentParser = self._parsers.add_parser(name, help=text, description=text)
        added.add_argument("--json", action="store_true", help="print one JSON document for programs")
        for option in ("--settings", "--pythonpath"):  # Django has read them; they may stand here as well
            added.add_argument(option, default=SUPPRESS, help=SUPPRESS)
        if self._of_modules:
            added.add_argument("--module", default="", metavar="NAME", help="only this module")
        return added
