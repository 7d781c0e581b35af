"""The way to the MCP server in a process that is forked from one that has its own."""

import os
import subprocess
import sys

import pytest

from tests.environment import outer_environment
from tests.served_tier import ROOT

CODE = """
import os
import signal
import warnings

import django

django.setup()
from monolith.tools import http

parents = http.bridge()
assert http.bridge() is parents
http._making.acquire()  # as by a thread that makes one just when the process is forked
warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, which is meant here
if child := os.fork():
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
signal.alarm(30)  # for one that waits for the lock
childs = http.bridge()
os._exit(0 if childs is not parents and childs.is_alive and http.bridge() is childs else 1)
"""


@pytest.mark.slow
def test_a_forked_process_makes_its_own() -> None:
    environ = outer_environment() | {
        "DJANGO_SETTINGS_MODULE": "settings.private",
        "MONOLITH_SECRET_KEY": "of one test",
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "MONOLITH_DATA_DIR": os.environ["MONOLITH_DATA_DIR"],
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
