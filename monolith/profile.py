"""What a process may do, decided by what it holds."""

import enum

from monolith.module import Module, Tier


class Profile(enum.Enum):
    """A process's powers: which modules it serves, which role and secrets it holds."""

    PUBLIC = "public"  # anonymous: one read-only role, no secret, no session, no admin
    PRIVATE = "private"  # one role per module, platform tables, admin, sessions
    MIGRATOR = "migrator"  # the only one with DDL; serves nothing

    def includes(self, module: Module) -> bool:
        """Say whether `module` takes part in a process of this profile."""
        return self is not Profile.PUBLIC or Tier.PUBLIC in module.tier
