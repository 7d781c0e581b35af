"""The private tier: sessions, admin, one role per module."""

from monolith import Profile
from settings.base import composed_settings

globals().update(composed_settings(Profile.PRIVATE))
