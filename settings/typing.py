"""For the type checker's plugin: every app of the project, composed without looking at the environment."""

from monolith import Profile, compose
from settings.modules import MODULES

globals().update(
    compose(Profile.PRIVATE, MODULES, {"MONOLITH_SECRET_KEY": "types are not signed"}).settings()
)
