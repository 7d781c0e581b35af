"""What looks like a secret: by its name, or by what it is written as."""

import re
from typing import Final

REDACTED: Final = "[redacted]"
# Wider than what log lines go by: an argument that is called like this is kept by nobody.
_NAME: Final = re.compile(
    r"passw|passphrase|secret|token|authorization|api_?-?key|credential|private_?-?key|access_?-?key|cookie|bearer",
    re.IGNORECASE,
)
_WRITTEN: Final = re.compile(
    r"""
      fmt_[\w-]{40,} | \b fmt_[\w-]{16,}                      # our own tokens, whatever stands before
    | \b (?:gh[opsur]|github_pat|glpat|xox[abprs]|sk|rk|pk)[_-][\w-]{16,}
    | \b AKIA[0-9A-Z]{12,}
    | (?<![\w-]) eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*               # a JSON Web Token; one start in each run of characters
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END|\Z)
    | (?<=://)[^\s/:@]*:[^\s/@]+(?=@)                          # user and password in an address
    | (?<=bearer\s)[\w.~+/-]{8,}=*
    """,
    re.IGNORECASE | re.VERBOSE,
)
# `token:agent` is who calls, as the record has it, and no secret.
_ASSIGNED: Final = re.compile(
    r"""
    ( (?:passw(?:or)?d|passphrase|secret|api[_-]?key) ["']? \s*[=:]\s* ["']?
    | token (?: \s*=\s* | \s*:\s+ | ["']\s*:\s* ) ["']?
    )
    ([^\s"',;&]{4,})
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_secret_name(name: str) -> bool:
    """Say whether what goes by a name is taken for a secret."""
    return _NAME.search(name) is not None


def without_secrets(text: str) -> str:
    """Return text without what is written like a secret."""
    return _ASSIGNED.sub(rf"\1{REDACTED}", _WRITTEN.sub(REDACTED, text))
