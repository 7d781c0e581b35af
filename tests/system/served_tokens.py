"""Tokens for tools that another process serves, made as people make them."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.tool_calls import EVERYTHING


def served_token(project: Path, environ: Mapping[str, str], name: str, *scopes: str, tenant: str = "") -> str:
    """Return the secret of a new token of a project; without scopes it may call everything."""
    given = [word for scope in scopes or EVERYTHING for word in ("--scope", scope)]
    limits = ["--calls-a-minute", "100000"]
    done = subprocess.run(
        [
            sys.executable,
            "manage.py",
            "tokens",
            "create",
            name,
            *given,
            "--tenant",
            tenant,
            *limits,
            "--json",
        ],
        cwd=project,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    secret: str = json.loads(done.stdout)["secret"]
    return secret
