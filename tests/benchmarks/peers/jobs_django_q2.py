"""The peer django-q2: settings, the job, and its queue filled. `jobs.py` runs `django-admin qcluster` with it.

As it ships: its defaults besides the number of workers. Tuned: the connection kept, 50 packages fetched at once and as
many more held ready, workers not replaced after 500 jobs, no successes saved, no log line per job.
"""

import os
import sys
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict

TUNED: Final = os.environ.get("PEER_TUNED") == "1"
_target: Final = conninfo_to_dict(os.environ["PEER_URL"])

SECRET_KEY = "signs packages of a benchmark"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django_q"]
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _target["host"],
        "PORT": _target["port"],
        "NAME": _target["dbname"],
        "USER": _target["user"],
        "PASSWORD": _target["password"],
    }
}
Q_CLUSTER: dict[str, Any] = {"name": "peer", "orm": "default", "workers": int(os.environ["PEER_WORKERS"])}
if TUNED:
    DATABASES["default"]["CONN_MAX_AGE"] = None
    Q_CLUSTER |= {
        "bulk": 50,
        "queue_limit": 100,
        "recycle": 1_000_000,
        "save_limit": -1,
        "log_level": "WARNING",
    }


def insert(number: int) -> None:
    """Insert one row."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO effect (number) VALUES (%s)", [number])


def fill(count: int) -> None:
    """Enqueue jobs with the numbers below `count`."""
    import django

    django.setup()
    from django.db import transaction
    from django_q.tasks import async_task

    with transaction.atomic():
        for number in range(count):
            async_task("tests.benchmarks.peers.jobs_django_q2.insert", number)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.peers.jobs_django_q2"
    fill(int(sys.argv[1]))
