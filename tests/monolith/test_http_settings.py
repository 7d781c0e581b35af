"""Django's HTTP settings per tier."""

import subprocess
import sys

import pytest

from monolith import Profile
from monolith.environment import read_environment
from monolith.http.settings import behind_tls, http_settings


def test_cookies_are_secure_wherever_others_reach_the_process() -> None:
    local = http_settings(Profile.PRIVATE, read_environment({}))
    assert (local["SESSION_COOKIE_SECURE"], local["CSRF_COOKIE_SECURE"]) == (False, False)
    hosts = {"MONOLITH_ALLOWED_HOSTS": "localhost,walks.example,.walks.example,*"}
    served = http_settings(Profile.PRIVATE, read_environment(hosts))
    assert (served["SESSION_COOKIE_SECURE"], served["CSRF_COOKIE_SECURE"]) == (True, True)
    assert served["CSRF_TRUSTED_ORIGINS"] == ["https://walks.example", "https://*.walks.example"]


@pytest.mark.parametrize(
    ("hosts", "expected"), [("localhost,127.0.0.1", False), ("localhost,a.example", True), ("*", True)]
)
def test_any_name_beyond_the_loopback_means_tls(hosts: str, *, expected: bool) -> None:
    assert behind_tls(read_environment({"MONOLITH_ALLOWED_HOSTS": hosts})) is expected


def test_the_public_tier_knows_no_session() -> None:
    public = http_settings(Profile.PUBLIC, read_environment({}))
    assert not [name for name in public if "SESSION" in name or "CSRF" in name or "LOGIN" in name]
    assert not any(
        "auth" in p or "messages" in p for p in public["TEMPLATES"][0]["OPTIONS"]["context_processors"]
    )


def test_the_public_tier_takes_less() -> None:
    public, private = (http_settings(p, read_environment({})) for p in (Profile.PUBLIC, Profile.PRIVATE))
    for name in ("DATA_UPLOAD_MAX_MEMORY_SIZE", "DATA_UPLOAD_MAX_NUMBER_FIELDS"):
        assert public[name] < private[name]


def test_what_settings_import_does_not_import_ninja() -> None:
    program = "import monolith.http.settings, monolith, sys; sys.exit('ninja' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
