"""What `manage.py events` reads from its command line: its actions and their options."""

from argparse import ArgumentParser

from monolith.management.actions import Actions
from monolith.models import OutboxMessage


def add_actions(parser: ArgumentParser) -> None:
    """Declare the actions and their options."""
    action = Actions(parser, of_modules=True).add
    action("backlog", "Show what waits where: outboxes, the broker, inboxes, and what is parked or dead.")
    outbox = action("outbox", "List messages that have not left, in the order of sending.")
    outbox.add_argument("--type", default="", metavar="NAME", help="only this type: knowledge.NoteChanged")
    outbox.add_argument("--status", choices=OutboxMessage.Status.values)
    outbox.add_argument(
        "--foreign", action="store_true", help="what other environments wrote, which is never sent"
    )
    _add_limit(outbox)
    foreign = action("discard-foreign", "Delete what other environments wrote into outboxes.")
    foreign.add_argument("--environment", default="", metavar="NAME", help="only what this one wrote")
    dead = action("dead", "List dead letters that carry messages, with the keys that they park.")
    _add_which(dead)
    _add_limit(dead)
    show = action("show", "Show one message of an inbox: envelope, attempts, errors.")
    show.add_argument("job", metavar="LETTER")
    for name, text in (
        ("replay", "Let dead letters run again; what they hold up follows in order."),
        ("discard", "Give up messages that nobody handles now; what they hold up goes on."),
    ):
        steered = action(name, text)
        steered.add_argument("jobs", nargs="*", metavar="LETTER")
        steered.add_argument("--all", action="store_true", help="every dead letter instead of named ones")
        _add_which(steered)
    action("subscribers", "List subscribers, what they are given, and whether they are on.")
    for name, text in (
        ("off", "Switch a subscriber off wherever it runs; its messages are kept."),
        ("on", "Switch a subscriber on again; it is given what was kept, in order."),
    ):
        action(name, text).add_argument("subscriber", metavar="SUBSCRIBER")
    action("positions", "Show how far modules have read the logs of brokers.")
    position = action(
        "position",
        "Set how far a module has read a log: when the log lost its end and what is missing does not come back.",
    )
    position.add_argument(
        "--set", type=int, required=True, metavar="N", help="it goes on after this; 0: from the start"
    )
    position.add_argument(
        "--stream", default="", metavar="LOG", help="which log, where the module knows several"
    )
    position.add_argument("--yes", action="store_true", help="do it; what is skipped is never read")
    converge = action(
        "converge", "Make the broker's log and consumers as the modules here declare them, as qcluster does."
    )
    converge.add_argument(
        "--narrow", action="store_true", help="also take away types that are wanted no longer"
    )
    converge.add_argument(
        "--remove", default="", metavar="NAME", help="instead remove a consumer that no module declares"
    )
    converge.add_argument("--yes", action="store_true", help="remove it; what waits for it is lost")
    trace = action("trace", "Show the messages of one correlation as a tree of what led to what.")
    trace.add_argument("correlation", metavar="CORRELATION")


def _add_which(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--subscriber", default="", metavar="NAME", help="only of this one, by its dotted name"
    )
    parser.add_argument("--type", default="", metavar="NAME", help="only this type: knowledge.NoteChanged")


def _add_limit(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many of a module (50)")
