"""The whole system on one screen."""

from apps.hikes.module import module as hikes
from apps.ships.module import module as ships

MODULES = [hikes, ships]
