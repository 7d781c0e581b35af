"""The peer without the framework: plain Django and Ninja, the same models, queries and schemas, one connection.

No router, no guard, no module, no ETag; the middleware of a new project, less what needs a session.
"""

import os
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpRequest
from django.urls import path
from psycopg.conninfo import conninfo_to_dict

target = conninfo_to_dict(os.environ["DATABASE_URL"])

settings.configure(
    SECRET_KEY="not a secret: nothing is signed",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["apps.hikes"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": target["host"],
            "PORT": target["port"],
            "NAME": target["dbname"],
            "USER": "public_reader",
            "OPTIONS": {"passfile": os.environ["PGPASSFILE"]},
            "CONN_MAX_AGE": None,
        }
    },
    USE_TZ=True,
)
django.setup()

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402
from ninja import NinjaAPI, Path, Query  # noqa: E402

from apps.hikes import queries  # noqa: E402
from apps.hikes.schemas import Slug, WalkOut, WalkPage, WalkSearch  # noqa: E402

vars(queries)["connection"] = lambda: connection  # Django's own, of `default`
api = NinjaAPI()


@api.get("/hikes/walks", response=WalkPage)
def list_walks(request: HttpRequest, wanted: Query[WalkSearch]) -> Any:
    search = wanted.search()
    walks = queries.find_walks(search, now=timezone.now())
    found = queries.page(walks, limit=wanted.limit, offset=wanted.offset)
    return {
        "total": found.extent.total,
        "limit": wanted.limit,
        "offset": wanted.offset,
        "items": found.items,
    }


@api.get("/hikes/walks/{slug}", response=WalkOut)
def show_walk(request: HttpRequest, slug: Path[Slug]) -> Any:
    walk = queries.get_walk(slug)
    if walk is None:
        raise Http404
    return walk


urlpatterns = [path("api/", api.urls)]
application = get_wsgi_application()
