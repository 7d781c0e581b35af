"""Every error the framework raises.

MonolithError
├── CompositionError        settings: modules, environment and profile do not fit together
├── BoundaryViolation       code of one module reached for another's data
├── SessionViolation        code of a module would change a connection that others use after it
├── SecretNotDeclared       code asked for a secret its module does not declare
├── NeedNotDeclared         code asked for a service that its module does not declare to need
├── TierViolation           a process may not serve: it holds too much power, or is not sound
├── ProvisionError          roles, schemas or grants could not be brought to what is declared
└── EmbeddedServiceError    an embedded server could not be started or stopped
"""

from collections.abc import Sequence

__all__ = [
    "BoundaryViolation",
    "CompositionError",
    "EmbeddedServiceError",
    "MonolithError",
    "NeedNotDeclared",
    "ProvisionError",
    "SecretNotDeclared",
    "SessionViolation",
    "TierViolation",
]


class MonolithError(Exception):
    """Base of every error the framework raises."""


def _listed(heading: str, problems: Sequence[str]) -> str:
    return "\n".join([heading, *(f"  - {problem}" for problem in problems)])


class CompositionError(MonolithError):
    """The profile, the modules and the environment do not fit together; lists every problem at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(_listed("This process cannot be composed:", self.problems))


class BoundaryViolation(MonolithError):
    """Code running as one module reached for what belongs to another."""

    def __init__(self, *, current: str, target: str, what: str) -> None:
        self.current = current
        self.target = target
        self.what = what
        super().__init__(
            f"Module '{current}' reached for '{target}': {what}. "
            f"Only '{target}' may touch its tables. Call its contract (contracts/{target}.py) instead, "
            f"or run the code as '{target}' with monolith.entering('{target}')."
        )


class SessionViolation(MonolithError):
    """Code of a module would change the state of a connection that others use after it."""

    def __init__(self, *, module: str, statement: str) -> None:
        self.module = module
        super().__init__(
            f"Module '{module}' would change the state of a shared connection: {statement}. Use SET LOCAL, or "
            f"set_config(…, true), inside atomic(), or declare the limit in the module's `limits`."
        )


class ReadingLeft(MonolithError):
    """Code that may only read would end the transaction that holds it to that."""

    def __init__(self, *, module: str, statement: str) -> None:
        self.module = module
        super().__init__(
            f"Module '{module}' may only read here, and would leave its transaction: {statement}. Use atomic()."
        )


class SecretNotDeclared(MonolithError):
    """Code asked for a secret that its module does not declare."""

    def __init__(self, *, module: str, name: str) -> None:
        super().__init__(
            f"Module '{module}' does not declare the secret {name}. "
            f"Add it to `secrets` in the module's declaration if it needs it."
        )


class NeedNotDeclared(MonolithError):
    """Code asked for a service that its module does not declare to need."""

    def __init__(self, *, module: str, need: str) -> None:
        super().__init__(
            f"Module '{module}' does not declare that it needs {need}. "
            f"Add Need.{need.upper()} to `needs` in the module's declaration if it does."
        )


class TierViolation(MonolithError):
    """A process may not serve: it holds more than its tier allows, or is not sound. Lists every finding, no value."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__(_listed("This process may not serve:", self.findings))


class ProvisionError(MonolithError):
    """Roles, schemas or grants could not be brought to what is declared."""


class EmbeddedServiceError(MonolithError):
    """An embedded server could not be started or stopped."""
