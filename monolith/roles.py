"""The names of the database roles of one deployment."""

from collections.abc import Iterable
from dataclasses import dataclass

from monolith.module import BROKER, PLATFORM
from monolith.profile import Profile


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

    def module_migrator(self, module: str) -> str:
        """Return the role that migrates one module: it logs in and may become that module's owner, nobody else's."""
        return f"{self.prefix}{module}_migrator"

    def of(self, module: str) -> tuple[str, str, str]:
        """Return every role that a module has."""
        return self.owner(module), self.rw(module), self.module_migrator(module)

    def held_by(self, profile: Profile, modules: Iterable[str]) -> frozenset[str]:
        """Return every role that a process of `profile` with these modules may have a password of."""
        names = (PLATFORM, BROKER, *modules)
        match profile:
            case Profile.PUBLIC:
                return frozenset({self.public_reader})
            case Profile.PRIVATE:
                return frozenset(map(self.rw, names))
            case Profile.MIGRATOR:
                return frozenset({self.migrator, *map(self.module_migrator, names)})

    @property
    def platform_rw(self) -> str:
        return self.rw(PLATFORM)

    @property
    def public_reader(self) -> str:
        """The one role of the anonymous tier."""
        return f"{self.prefix}public_reader"

    @property
    def migrator(self) -> str:
        """The role that looks at the whole database: it may read catalogs, and become nobody."""
        return f"{self.prefix}migrator"
