"""The private tier of the reference application with its asker."""

from monolith import Profile
from settings.base import composed_settings
from tests.contracts.reference.modules import MODULES

globals().update(composed_settings(Profile.PRIVATE, MODULES))
