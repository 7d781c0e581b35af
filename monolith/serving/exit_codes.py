"""What the commands that serve end with."""

from typing import Final

STOPPED: Final = 0  # by a signal, in order
FAILED: Final = 1  # workers that crash again and again, a database that cannot be reached, a failed check
REFUSED: Final = 3  # the process holds more or less than its tier needs; starting it again changes nothing
PORT_TAKEN: Final = 4
