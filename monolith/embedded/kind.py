"""What differs between embedded servers in names and in what is said about them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ServerKind:
    """One kind of embedded server."""

    name: str  # what people call it
    program: str  # in the command line of each of its processes
    folder: str  # of the data directory, and the head of the names of its locks
    variable: str  # names a server of one's own instead

    @property
    def pointer(self) -> str:
        """The file in the data directory that says where the files are, when they are elsewhere."""
        return f"{self.folder}-is-at"


POSTGRES: Final = ServerKind("PostgreSQL", "postgres", "postgres", "DATABASE_URL")
NATS: Final = ServerKind("NATS", "nats-server", "nats", "MONOLITH_BROKER_URL")
