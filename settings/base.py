"""What every process of this project shares: where it lives and how it is composed."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monolith import Module, Profile, compose
from monolith.embedded import environ as complete
from settings.modules import MODULES

PROJECT = Path(__file__).resolve().parent.parent


def composed_settings(profile: Profile, modules: Sequence[Module] = MODULES) -> dict[str, Any]:
    """Compose this project's modules for `profile`; what the environment leaves out, embedded servers fill in."""
    return compose(profile, modules, complete(profile, os.environ, PROJECT)).settings() | {
        "BASE_DIR": PROJECT,
        "STATIC_ROOT": PROJECT / "staticfiles" / profile.value,
        "LANGUAGE_CODE": "en-gb",
        "TIME_ZONE": "UTC",
        "USE_TZ": True,
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    }
