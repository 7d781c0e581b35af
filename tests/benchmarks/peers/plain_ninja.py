"""The peer of a contract call: what a team writes by hand, a Ninja route of plain Django."""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest
from django.urls import path

settings.configure(
    SECRET_KEY="not a secret: nothing is signed",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["ninja"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    USE_TZ=True,
)
django.setup()

from ninja import NinjaAPI, Schema  # noqa: E402
from ninja.security import HttpBearer  # noqa: E402


class LabelIn(Schema):
    name: str
    count: int


class ItemOut(Schema):
    name: str
    count: int


class Token(HttpBearer):
    """One token for all callers, compared in the process: the least that such a route has."""

    def authenticate(self, request: HttpRequest, token: str) -> str | None:
        return token if token == "shared" else None


api = NinjaAPI(auth=Token())


@api.post("/label", response=ItemOut)
def label(request: HttpRequest, data: LabelIn) -> ItemOut:
    return ItemOut(name=data.name, count=data.count)


urlpatterns = [path("api/", api.urls)]
application = get_wsgi_application()
