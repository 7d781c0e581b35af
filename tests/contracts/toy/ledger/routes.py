"""What ledger serves by itself."""

from django.http import HttpRequest
from ninja import Router

from tests.contracts.toy.identity import identity
from tests.contracts.toy.promises.identity import Identity

public = Router()


@public.get("/whoami", response=Identity)
def whoami(request: HttpRequest) -> Identity:
    return identity()
