"""Places for the nodes of a graph: linked ones near each other, all of them apart.

Springs and repulsion after Fruchterman and Reingold (1991); what pushes from afar is summed in a quadtree after Barnes
and Hut (1986), so that a step costs n log n. The same graph gets the same places: where a node starts follows from its
name.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from math import cos, hypot, log2, pi, sin, sqrt
from typing import Final, NamedTuple

# The length of a link whose ends have no other links, and the unit of all places.
LENGTH: Final = 1.0
# What keeps nodes without links in the picture. More makes it rounder and denser.
GRAVITY: Final = 0.1
# A cell counts as one node when its width is less than this share of its distance. Less is exacter and slower.
OPENING: Final = 0.9
MOST_STEPS: Final = 200
FEWEST_STEPS: Final = 40
WORK: Final = 2_000_000  # n log n per step, over all steps: about ten seconds on one core
DEEPEST: Final = 24  # halvings; nodes nearer to each other than that stay in one cell
NEAREST: Final = 1e-6  # squared; keeps the push of two nodes in one place finite

type Place = tuple[float, float]


class Cell(NamedTuple):
    """A square of the picture with the nodes in it: how many, and where they are on average."""

    nodes: int
    x: float
    y: float
    width: float
    parts: "tuple[Cell, ...]"


def places_of(names: Sequence[str], links: Iterable[tuple[int, int]]) -> list[Place]:
    """Return a place for each name; `links` are pairs of positions in `names`, in either direction."""
    if not names:
        return []
    springs = sorted({(min(pair), max(pair)) for pair in links if pair[0] != pair[1]})
    spread = LENGTH * sqrt(len(names))
    places = [_start(name, spread) for name in names]
    steps = _steps(len(names))
    for step in range(steps):
        # Long strides first, then shorter ones: what swings comes to rest.
        places = _moved(places, springs, stride=spread / 4 * (1 - step / steps) ** 2)
    return places


def _steps(nodes: int) -> int:
    return max(FEWEST_STEPS, min(MOST_STEPS, int(WORK / (nodes * log2(nodes + 1)))))


def _start(name: str, spread: float) -> Place:
    """Return a place in a disc that follows from the name alone: a new node does not move where others start."""
    number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest())
    distance = spread * sqrt((number >> 32) / 2**32)
    angle = 2 * pi * (number & 0xFFFFFFFF) / 2**32
    return distance * cos(angle), distance * sin(angle)


def _moved(places: list[Place], springs: list[tuple[int, int]], *, stride: float) -> list[Place]:
    tree = _cell(places)
    forces = [_push(tree, x, y) for x, y in places]
    for one, other in springs:
        (x, y), (far_x, far_y) = places[one], places[other]
        dx, dy = far_x - x, far_y - y
        pull = hypot(dx, dy) / LENGTH
        forces[one] = forces[one][0] + dx * pull, forces[one][1] + dy * pull
        forces[other] = forces[other][0] - dx * pull, forces[other][1] - dy * pull
    return [_strode(place, force, stride) for place, force in zip(places, forces, strict=True)]


def _strode(place: Place, force: Place, stride: float) -> Place:
    strength = hypot(*force)
    share = min(1.0, stride / strength) if strength else 0.0
    return place[0] + force[0] * share, place[1] + force[1] * share


def _push(tree: Cell, x: float, y: float) -> Place:
    """Return what all nodes do to one: they push, less from afar, and gravity pulls it to the middle."""
    force_x, force_y = -GRAVITY * x, -GRAVITY * y
    cells = [tree]
    while cells:
        nodes, cell_x, cell_y, width, parts = cells.pop()
        dx, dy = x - cell_x, y - cell_y
        squared = dx * dx + dy * dy
        if parts and width * width > OPENING * OPENING * squared:
            cells.extend(parts)
        else:
            push = nodes * LENGTH * LENGTH / (squared + NEAREST)
            force_x += dx * push
            force_y += dy * push
    return force_x, force_y


def _cell(places: list[Place]) -> Cell:
    width = 2 * max(max(abs(x), abs(y)) for x, y in places)
    return _part(places, 0.0, 0.0, width, DEEPEST)


def _part(places: list[Place], middle_x: float, middle_y: float, width: float, depth: int) -> Cell:
    nodes = len(places)
    mean_x = sum(x for x, _ in places) / nodes
    mean_y = sum(y for _, y in places) / nodes
    if nodes == 1 or depth == 0:
        return Cell(nodes, mean_x, mean_y, width, ())
    corners: dict[tuple[bool, bool], list[Place]] = {}
    for place in places:
        corners.setdefault((place[0] > middle_x, place[1] > middle_y), []).append(place)
    shift = width / 4
    parts = tuple(
        _part(
            within,
            middle_x + (shift if right else -shift),
            middle_y + (shift if above else -shift),
            width / 2,
            depth - 1,
        )
        for (right, above), within in corners.items()
    )
    return Cell(nodes, mean_x, mean_y, width, parts)
