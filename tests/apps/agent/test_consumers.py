"""The broker keeps orders for execution from the first deployment on, also before execution ever ran."""

from apps.agent.execution.link import CONSUMER
from contracts.agent import StartExecution
from monolith.events.registry import consumers


def test_the_broker_is_told_of_execution_before_it_runs() -> None:
    assert consumers()[CONSUMER.name] == [StartExecution.message_type.name]
