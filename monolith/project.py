"""Where the project of this process and its data are."""

import os
from pathlib import Path

from django.conf import settings

from monolith.embedded import data_directory


def project_directory() -> Path:
    """Return the directory that holds manage.py: BASE_DIR of the settings."""
    return Path(settings.BASE_DIR)  # type: ignore[misc]  # the project's own setting, unknown to the stubs


def project_data_directory() -> Path:
    """Return where this project's embedded servers keep their data."""
    return data_directory(os.environ, project_directory())
