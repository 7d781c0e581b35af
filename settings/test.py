"""The private tier as the test suite runs it, on the database that the pytest plugin made."""

from monolith import Profile
from settings.base import composed_settings

globals().update(composed_settings(Profile.PRIVATE))

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
