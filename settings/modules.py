"""The whole system on one screen."""

from apps.agent.module import module as agent
from apps.chat.module import module as chat
from apps.compliance.module import module as compliance
from apps.hikes.module import module as hikes
from apps.home.module import module as home
from apps.knowledge.module import module as knowledge
from apps.scheduler.module import module as scheduler
from apps.ships.module import module as ships
from apps.stars.module import module as stars

MODULES = [agent, chat, compliance, hikes, home, knowledge, scheduler, ships, stars]
