"""The migrator: the only process that changes schemas. It serves nothing."""

from monolith import Profile
from settings.base import composed_settings

globals().update(composed_settings(Profile.MIGRATOR))
