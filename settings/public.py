"""The anonymous tier: one read-only role, no secret."""

from monolith import Profile
from settings.base import composed_settings

globals().update(composed_settings(Profile.PUBLIC))
