"""Calls by HTTP that are made by hand."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.contracts.processes import Owner


def refused(owner: Owner, path: str, token: str) -> tuple[int, dict[str, Any]]:
    """Send a call without arguments that will be refused; returns the status and the problem document."""
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{owner.url}/contracts/{path}", b"{}", headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    with caught.value as error:
        return error.code, json.load(error)
