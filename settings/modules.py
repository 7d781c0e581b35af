"""The whole system on one screen."""

from apps.compliance.module import module as compliance
from apps.hikes.module import module as hikes
from apps.knowledge.module import module as knowledge
from apps.ships.module import module as ships
from apps.stars.module import module as stars

MODULES = [compliance, hikes, knowledge, ships, stars]
