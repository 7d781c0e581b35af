#!/usr/bin/env python
"""Run a management command; picks the settings that fit it when none are named."""

import sys
from pathlib import Path

from monolith.commands import execute

if __name__ == "__main__":
    execute(sys.argv, project=Path(__file__).resolve().parent)
