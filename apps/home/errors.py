"""What can go wrong in home, each with what to do about it.

HomeError
├── ServiceNotFoundError        no service has that slug
├── ServiceExistsError          a service has that slug already
├── TooManyServicesError        no more services are measured
├── OriginNotAllowedError       an address that is not to be probed
├── SloEditRefusedError         compliance does not let someone change a service level
├── UnknownCalendarError        no calendar has that name
├── CalendarError               a calendar could not be read; stored events stay
└── SampleStoreError            the store of the raw samples did not do what it was asked for
"""

from collections.abc import Iterable


class HomeError(Exception):
    """Base of every error that home raises."""


class ServiceNotFoundError(HomeError):
    """No service has that slug."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"No service is called '{slug}'. GET /api/home/probes lists them.")


class ServiceExistsError(HomeError):
    """A service has that slug already."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"There is a service called '{slug}'. Edit that one, or give this one another slug.")


class TooManyServicesError(HomeError):
    """No more services are measured."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} services are measured, which is the most. Switch one off or edit it.")


class OriginNotAllowedError(HomeError):
    """An address that is not to be probed."""

    def __init__(self, origin: str, allowed: Iterable[str]) -> None:
        self.origin = origin
        known = ", ".join(sorted(allowed)) or "none"
        super().__init__(
            f"'{origin or 'the public tier'}' is not probed; allowed: {known}. The public tier is found by "
            f"MONOLITH_PUBLIC_ORIGIN, others are listed in HOME_PROBE_ORIGINS."
        )


class SloEditRefusedError(HomeError):
    """Compliance does not let someone change a service level; `missing` says what would let them."""

    def __init__(self, slug: str, missing: tuple[str, ...]) -> None:
        self.missing = missing
        super().__init__(f"The service level of '{slug}' was not changed. Missing: {'; '.join(missing)}.")


class UnknownCalendarError(HomeError):
    """No calendar has that name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"No calendar is called '{name}'; HOME_CALENDAR is one of {', '.join(known)}.")


class CalendarError(HomeError):
    """A calendar could not be read; stored events stay as they are."""


class SampleStoreError(HomeError):
    """The store of the raw samples did not do what it was asked for."""
