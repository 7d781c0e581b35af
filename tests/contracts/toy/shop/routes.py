"""What shop serves: an answer that it has to ask stock for."""

from django.http import HttpRequest
from ninja import Router

from monolith.contracts import CallError, deadline, require
from monolith.http.problems import Problem
from tests.contracts.toy.promises.stock import Item, Stock

DEADLINE_S = 1.0

public = Router()


@public.get("/label", response=Item)
def label(request: HttpRequest, name: str) -> Item:
    try:
        with deadline(DEADLINE_S):
            return require(Stock).label(name=name, count=1)
    except CallError as error:
        raise Problem(503, detail=str(error)) from error
