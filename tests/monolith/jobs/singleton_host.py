"""A process that supervises singletons of hikes: `python -m tests.monolith.jobs.singleton_host NAME...`.

It prints each change of their standings as a line, and stops in order when its input ends.
"""

import sys
import threading

import django
from django.utils.module_loading import import_string


def main() -> None:
    django.setup()
    from monolith.jobs.singletons import SingletonSupervisor

    names = sys.argv[1:]
    supervisor = SingletonSupervisor([("hikes", import_string(name)) for name in names])
    supervisor.start()
    over = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    shown = None
    while not over.wait(0.02):
        if (standings := dict(supervisor.standings)) != shown:
            shown = standings
            for name, standing in standings.items():
                print(name.rpartition(".")[2], standing.fence, standing.state, standing.detail, flush=True)  # noqa: T201
    supervisor.stop(grace_s=5)


if __name__ == "__main__":
    main()
