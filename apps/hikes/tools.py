"""What agents can do with walks beside finding those that are published, which the contract offers."""

from typing import Final

from apps.hikes import services
from apps.hikes.errors import HikesError, WalkExistsError, WalkNotFoundError
from apps.hikes.models import Walk
from apps.hikes.tool_schemas import Gpx, KeptWalk, Name, Prose, Region, WalkPage
from apps.hikes.walking_time import Grade
from contracts.hikes import Slug
from monolith.tools import Tag, tool
from monolith.tools.pages import After, Limit, page_of, shown
from monolith.tools.refusals import Advice, refusing

_ADVICE: Final[Advice] = {WalkNotFoundError: "hikes_list_walks lists those there are."}


@tool(tag=Tag.READ)
def list_walks(*, published: bool | None = None, limit: Limit = 20, after: After = "") -> WalkPage:
    """List walks, drafts included unless told otherwise, newest first."""
    walks = Walk.objects.defer("gpx", "track")
    if published is not None:
        walks = walks.filter(published=published)
    return page_of(WalkPage, walks, order=("-created_at", "slug"), after=after, limit=limit)


@tool(tag=Tag.EXECUTE, cost=5)
def upload_walk(*, gpx: Gpx, name: Name | None = None, region: Region | None = None) -> KeptWalk:
    """Make a draft of a walk of a GPX file's text; what is not given comes from the file.

    The same file again is the walk that was made of it.
    """
    with refusing(HikesError, advice=_ADVICE):
        try:
            walk = services.upload_walk(data=gpx.encode(), name=name or "", region=region or "")
        except WalkExistsError as error:
            walk = Walk.objects.defer("gpx", "track").get(slug=error.slug)
    return shown(KeptWalk, walk)


@tool(tag=Tag.EXECUTE)
def edit_walk(
    *,
    slug: Slug,
    name: Name | None = None,
    region: Region | None = None,
    summary: Prose | None = None,
    difficulty: Grade | None = None,
) -> KeptWalk:
    """Change what people wrote about a walk, at once also where it is public; what is left out stays."""
    with refusing(HikesError, advice=_ADVICE):
        return shown(
            KeptWalk,
            services.edit_walk(slug=slug, name=name, region=region, summary=summary, difficulty=difficulty),
        )


@tool(tag=Tag.RESTRICTED)
def publish_walk(*, slug: Slug) -> KeptWalk:
    """Show a walk to everyone."""
    with refusing(HikesError, advice=_ADVICE):
        return shown(KeptWalk, services.publish_walk(slug=slug))


@tool(tag=Tag.RESTRICTED)
def retire_walk(*, slug: Slug) -> KeptWalk:
    """Take a walk and its forecast back from the public; it can be published again."""
    with refusing(HikesError, advice=_ADVICE):
        return shown(KeptWalk, services.retire_walk(slug=slug))
