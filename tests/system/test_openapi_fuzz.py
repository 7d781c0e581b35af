"""schemathesis over both tiers' OpenAPI: no 5xx, no undocumented answer."""

import re
import subprocess
import sys
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from monolith import entering
from monolith.embedded import PostgresCluster
from settings.modules import MODULES
from tests.served_tier import ROOT, served

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("committed_db")]

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"


def load_samples() -> None:
    for module in (module for module in MODULES if module.sample_data):
        with entering(module.name):
            path, _, name = module.sample_data.rpartition(".")
            getattr(__import__(path, fromlist=[name]), name)()


def fuzz(address: str, *headers: str) -> None:
    command = (
        [str(ROOT / ".venv/bin/schemathesis")]
        if (ROOT / ".venv/bin/schemathesis").exists()
        else [sys.executable, "-m", "schemathesis"]
    )
    command += ["run", f"{address}/api/openapi.json", "--checks", CHECKS, "--max-examples", "8"]
    command += ["--seed", "20261121", "--generation-database", "none", "--suppress-health-check", "all"]
    for header in headers:
        command += ["--header", header]
    result = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)

    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
    assert re.search(r"[1-9]\d* passed|No issues found", result.stdout), result.stdout[-3000:]


def signed_in(address: str) -> list[str]:
    """Sign in on the admin's page as a person does; returns the headers of the session."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = opener.open(f"{address}/admin/login/").read().decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found
    form = {
        "username": "ada",
        "password": "lovelace",
        "csrfmiddlewaretoken": found.group(1),
        "next": "/admin/",
    }
    opener.open(f"{address}/admin/login/", urllib.parse.urlencode(form).encode())
    cookies = {cookie.name: cookie.value for cookie in jar}
    assert "sessionid" in cookies
    return [
        "Cookie: " + "; ".join(f"{name}={value}" for name, value in cookies.items()),
        f"X-CSRFToken: {cookies['csrftoken']}",
        f"Referer: {address}/",
    ]


def test_public_tier(cluster: PostgresCluster) -> None:
    load_samples()
    with served(cluster, "public") as tier:
        fuzz(tier.address)


def test_private_tier_for_a_member_of_staff(cluster: PostgresCluster) -> None:
    load_samples()
    # The suite's own hasher is a fast one that the private tier does not accept.
    password = PBKDF2PasswordHasher().encode("lovelace", salt="one test's salt", iterations=1)
    get_user_model().objects.create(username="ada", password=password, is_staff=True, is_superuser=True)
    with served(cluster, "private") as tier:
        fuzz(tier.address, *signed_in(tier.address))


def test_private_tier_for_a_stranger(cluster: PostgresCluster) -> None:
    with served(cluster, "private") as tier:
        fuzz(tier.address)
