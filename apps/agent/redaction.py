"""What is kept of a message to or from an outside service: nothing that lets somebody in, and not much of the rest.

By name, because values do not say what they are: headers, members of JSON and parameters whose names say secret,
token and the like lose their values. Pure text; used before anything is stored or sent on.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

REDACTED: Final = "[redacted]"
MAX_BODY: Final = 16_384  # characters that are kept of a body
SEARCHED: Final = 4 * MAX_BODY  # characters that are looked through: what is redacted gets shorter
MAX_HEADERS: Final = 50
MAX_HEADER: Final = 500  # characters that are kept of a value
MAX_URL: Final = 2_000
MAX_DEPTH: Final = 50  # of JSON; what is nested deeper is not looked through, so it goes

_SECRET: Final = re.compile(
    r"auth(?!ors?\b)|cookie|token|secret|passw|pwd|passphrase|api[-_.]?key|access[-_.]?key|private[-_.]?key|credential"
    r"|session|signature|\bsig\b|otp\b|\bpin\b|cvv|card[-_.]?number|iban",
    re.IGNORECASE,
)
# What is no JSON: name=value and "name": "value", wherever they stand; a scheme and what follows it; a JWT. Each begins
# at a fixed word and looks only so far ahead: an answer is not to choose how long this takes.
_NAMES: Final = _SECRET.pattern.replace(r"\b", "")
_PAIR: Final = re.compile(
    rf"""(?P<name>(?:{_NAMES})[\w.\-]{{0,40}}["']?\s{{0,5}}[:=]\s{{0,5}})(?P<value>"[^"]*"?|'[^']*'?|[^\s&,;<>"']+)""",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"\b(Bearer|Basic|Digest|Negotiate)\s{1,5}[\w.~+/=\-]{6,}", re.IGNORECASE)
_JWT: Final = re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
_TEXT: Final = re.compile(r"[^\t -~]")


def is_secret(name: str) -> bool:
    """Say whether what goes by that name is not to be kept."""
    return _SECRET.search(name) is not None


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with lower-case names, the values of secret ones gone, others printable and cut."""
    kept = {}
    for name, value in list(headers.items())[:MAX_HEADERS]:
        lower = name.lower()[:100]
        text = REDACTED if is_secret(lower) else _redact_text(_TEXT.sub("?", value))[:MAX_HEADER]
        kept[lower] = redact_url(text) if lower in ("location", "referer", "content-location") else text
    return kept


def redact_url(url: str) -> str:
    """Return an address without user, password and fragment, and without the values of secret parameters."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        query = urlencode(
            [(name, REDACTED if is_secret(name) else value) for name, value in _parameters(parts.query)],
            safe="[]/:,",
        )
    except ValueError:
        return REDACTED
    return urlunsplit((parts.scheme, host, parts.path, query, ""))[:MAX_URL]


def redact_body(body: str) -> tuple[str, bool]:
    """Return what is kept of a body, and whether it was cut. Redacted before it is cut: half a secret is one."""
    text = body.replace("\x00", "�")
    try:
        found = json.loads(text) if text[:1] in "{[" else None
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict | list):
        text = json.dumps(_redact_json(found, MAX_DEPTH), ensure_ascii=False)
    # JSON that was cut on its way does not parse, and JSON's strings may hold anything.
    redacted = _redact_text(text[:SEARCHED])
    return redacted[:MAX_BODY], len(redacted) > MAX_BODY or len(text) > SEARCHED


def _parameters(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True, max_num_fields=200)


def _redact_json(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        if not depth:
            return REDACTED
        return {
            name: REDACTED if is_secret(name) else _redact_json(member, depth - 1)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_redact_json(member, depth - 1) for member in value] if depth else REDACTED
    return value


def _redact_text(text: str) -> str:
    text = _BEARER.sub(rf"\1 {REDACTED}", _JWT.sub(REDACTED, text))
    return _PAIR.sub(_without_value, text)


def _without_value(found: re.Match[str]) -> str:
    value = found["value"]
    if value.strip("\"'") == REDACTED or value.startswith("[redacted"):
        return found[0]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found['name']}{quote}{REDACTED}{quote}"
