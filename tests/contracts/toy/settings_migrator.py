"""The migrator of the toy."""

from monolith import Profile
from settings.base import composed_settings
from tests.contracts.toy.modules import MODULES

globals().update(composed_settings(Profile.MIGRATOR, MODULES))
