"""What to start with; `load` brings it in."""


def load() -> str:
    """Store the usual services, the calendar around today, and a first snapshot: nothing is measured yet.

    No history is made up. Returns what it did in one line.
    """
    # Here, because settings name this function before Django is ready.
    from django.utils import timezone

    from apps.home import defaults, events, rollup
    from apps.home.calendar.fixture import FixtureCalendar
    from apps.home.samples.stores import sample_store
    from monolith import entering

    now = timezone.now()
    with entering("home"):
        services = defaults.ensure_services()
        calendar = events.refresh_calendar(calendar=FixtureCalendar(), now=now)
        with sample_store() as store:
            rollup.roll_up(store=store, now=now)
    return f"{services} services new, {calendar.events} events around today, a snapshot of now"
