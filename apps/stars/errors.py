"""What can go wrong in stars, each with what to do about it.

StarsError
├── SiteNotFoundError       no site has that slug
├── SiteExistsError         a site has that slug already
├── UnknownZoneError        no time zone has that name
├── UnknownProviderError    no forecast provider has that name
└── ForecastError           a forecast could not be fetched; stored hours stay
"""


class StarsError(Exception):
    """Base of every error that stars raises."""


class SiteNotFoundError(StarsError):
    """No site has that slug."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"No site is called '{slug}'. GET /api/stars/sites lists them.")


class SiteExistsError(StarsError):
    """A site has that slug already."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"There is a site called '{slug}'. Edit that one, or give this one another name.")


class UnknownZoneError(StarsError):
    """No time zone has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No time zone is called '{name}'. Use an IANA name, such as Europe/London.")


class UnknownProviderError(StarsError):
    """No forecast provider has that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"No forecast provider is called '{name}'; known: {', '.join(known)}.")


class ForecastError(StarsError):
    """A forecast could not be fetched; stored hours stay as they are."""
