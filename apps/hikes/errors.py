"""What can go wrong in hikes, each with what to do about it.

HikesError
├── GpxError             a file cannot be read as a walk
├── WalkNotFoundError    no walk has that slug
│   └── WalkNotPublicError   it is a draft, which has no forecast
├── WalkExistsError      the same file was uploaded before
├── UnknownProviderError no forecast provider has that name
├── ForecastError        a forecast could not be fetched; stored windows stay
└── DaylightError        stars could not be asked when it is light; stored windows stay
"""


class HikesError(Exception):
    """Base of every error that hikes raises."""


class GpxError(HikesError):
    """A file cannot be read as a walk; the message says why and what would help."""


class WalkNotFoundError(HikesError):
    """No walk has that slug."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"No walk is called '{slug}'. GET /api/hikes/walks lists those that are published.")


class WalkNotPublicError(WalkNotFoundError):
    """The walk is a draft, and a forecast is kept for published walks only."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.args = (
            f"'{slug}' is not published, and only published walks have forecasts. Publish it first.",
        )


class WalkExistsError(HikesError):
    """The same file was uploaded before."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"This file was uploaded before, as '{slug}'. Edit that walk instead.")


class UnknownProviderError(HikesError):
    """No forecast provider has that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"No forecast provider is called '{name}'; known: {', '.join(known)}.")


class ForecastError(HikesError):
    """A forecast could not be fetched; stored windows stay as they are."""


class DaylightError(HikesError):
    """Stars could not be asked when it is light; stored windows stay as they are."""
