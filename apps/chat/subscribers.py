"""What chat does when it is told something: it says so in the channel for announcements, or where it is asked to."""

from apps.chat.announcing import announce
from apps.chat.channels import get_open_channel
from apps.chat.errors import ChannelArchivedError, ChannelNotFoundError, MessageConflictError
from apps.chat.messages import notice
from contracts.agent import ServiceCallFailed
from contracts.chat import PostMessage
from contracts.home import SloBreached
from contracts.ships import VesselMoored
from contracts.stars import GoodNightAhead
from monolith.contracts import call_scope
from monolith.events import subscriber
from monolith.jobs import GiveUp


@subscriber
def say_what_is_degraded(event: SloBreached) -> None:
    """Say that a service fails its objective."""
    announce(
        f"{event.name} is degraded: {event.availability_pct:g} % of its probes were good, {event.target_pct:g} % is "
        f"the objective. {event.budget_left_minutes:g} minutes of its budget are left."
    )


@subscriber
def say_which_night_is_good(event: GoodNightAhead) -> None:
    """Say that a night is forecast to be clear and dark."""
    announce(
        f"A good night ahead at {event.name}, {event.country}: {event.night:%d %B} has {event.clear_dark_hours} clear "
        f"dark hours from {event.starts_at:%H:%M} UTC on, score {event.score}."
    )


@subscriber
def say_who_moored(event: VesselMoored) -> None:
    """Say that a vessel lies still."""
    announce(
        f"{event.name or f'Vessel {event.mmsi}'} has moored at {event.latitude:.4f}, {event.longitude:.4f} since "
        f"{event.moored_since:%d %B %H:%M} UTC."
    )


@subscriber
def say_what_failed(event: ServiceCallFailed) -> None:
    """Say that a tenant's call failed, without its detail: that may have the tenant's own words."""
    doubt = " It may have happened all the same." if event.may_have_happened else ""
    announce(
        f"Service call '{event.name}' of tenant {call_scope().tenant or 'unknown'} failed: "
        f"{event.reason.replace('_', ' ')}.{doubt}"
    )


@subscriber(parks=False)  # words that cannot be said do not hold up those that follow
def say_for_others(command: PostMessage) -> None:
    """Say another module's words in a channel."""
    try:
        notice(
            channel=get_open_channel(command.channel),
            external_id=f"reference:{command.reference}",
            text=command.text,
            author=call_scope().actor or "system:modules",
        )
    except (ChannelNotFoundError, ChannelArchivedError, MessageConflictError) as error:
        raise GiveUp(str(error)) from error
