"""What tools raise."""

from monolith.errors import MonolithError


class ToolRefused(MonolithError):
    """Raised by a tool that will not do what it was asked; the text is told to whoever called."""


class ToolCancelled(MonolithError):
    """Whoever called the tool does not wait any more."""
