"""The private tier as the test suite runs it; the pytest plugin has put a test database into the environment."""

from monolith import Profile
from settings.base import composed_settings

globals().update(composed_settings(Profile.PRIVATE))

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
