"""The names of the database roles of one deployment."""

from dataclasses import dataclass

from monolith.module import PLATFORM


@dataclass(frozen=True, slots=True)
class RoleNames:
    """Role names under one prefix; roles are cluster-wide, so deployments that share a server differ in it."""

    prefix: str = ""

    def owner(self, module: str) -> str:
        """Return the role (no login) that owns the module's schema and everything in it."""
        return f"{self.prefix}{module}_owner"

    def rw(self, module: str) -> str:
        """Return the role a private process uses for the module's rows."""
        return f"{self.prefix}{module}_rw"

    @property
    def platform_rw(self) -> str:
        return self.rw(PLATFORM)

    @property
    def public_reader(self) -> str:
        """The one role of the anonymous tier."""
        return f"{self.prefix}public_reader"

    @property
    def migrator(self) -> str:
        """The only role that can run DDL, by SET ROLE to an owner."""
        return f"{self.prefix}migrator"
