"""The calling process: does what the test sends, and sends back what came of it."""

import sys
import traceback
from multiprocessing.connection import Connection

import django


def main(descriptor: int) -> None:
    """Run scenarios from the connection `descriptor` until the test closes it."""
    django.setup()
    from monolith import composed, entering
    from monolith.telemetry import start_telemetry

    start_telemetry(composed().profile)
    with Connection(descriptor) as connection:
        while True:
            try:
                module, scenario, args, kwargs = connection.recv()
            except EOFError:
                return
            try:
                with entering(module):
                    answer = (scenario(*args, **kwargs), "")
            except BaseException:  # noqa: BLE001 - the test is told, whatever it was
                answer = (None, traceback.format_exc())
            connection.send(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
