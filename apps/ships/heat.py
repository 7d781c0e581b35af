"""Where traffic is dense: distinct movers per cell of 0.005 by 0.0075 degrees."""

from datetime import datetime, timedelta
from math import floor
from typing import Final

from monolith import atomic, connection

WINDOW: Final = timedelta(days=7)
MOVING_KNOTS: Final = 1.0
CELL_HEIGHT: Final = 0.005  # degrees
CELL_WIDTH: Final = 0.0075  # degrees

# One statement, so that a reader sees the old heat or the new. Rows that did not change keep their updated_at.
# The cell's formula stands in migration 0002 as well; a test holds the two together.
ROLL_UP: Final = """
WITH fresh AS (
    SELECT floor(latitude * 200)::int AS "row", floor(longitude * 400 / 3)::int AS col, count(DISTINCT mmsi) AS movers
    FROM ships_position
    WHERE at > %(after)s AND at <= %(until)s AND sog >= %(knots)s
    GROUP BY 1, 2
), gone AS (
    DELETE FROM ships_heatcell old
    WHERE NOT EXISTS (SELECT FROM fresh WHERE fresh."row" = old."row" AND fresh.col = old.col)
)
INSERT INTO ships_heatcell AS known ("row", col, movers, updated_at)
SELECT "row", col, movers, clock_timestamp() FROM fresh ORDER BY 1, 2
ON CONFLICT ("row", col) DO UPDATE SET movers = excluded.movers, updated_at = excluded.updated_at
WHERE known.movers <> excluded.movers
"""


def roll_up(*, now: datetime) -> int:
    """Replace live heat by what moved in the seven days up to `now`; return how many cells are new or changed."""
    with atomic(), connection().cursor() as cursor:
        cursor.execute(ROLL_UP, {"after": now - WINDOW, "until": now, "knots": MOVING_KNOTS})
        return int(cursor.rowcount)


def cell(*, latitude: float, longitude: float) -> tuple[int, int]:
    """Return the cell that a place lies in as (row, col)."""
    return floor(latitude * 200), floor(longitude * 400 / 3)


def corner(*, row: int, col: int) -> tuple[float, float]:
    """Return a cell's south-west corner as (latitude, longitude) in degrees."""
    return round(row * CELL_HEIGHT, 4), round(col * CELL_WIDTH, 4)
