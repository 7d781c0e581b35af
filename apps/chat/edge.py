"""What all routes of chat share: who asks, with which keys, and what services raise as problem documents."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from apps.chat.errors import (
    ChannelArchivedError,
    ChannelExistsError,
    ChannelNotFoundError,
    ChatDeniedError,
    DeliveryConflictError,
    DeliveryDecidedError,
    DeliveryNotFoundError,
    LockedOutError,
    MessageConflictError,
    MessageNotFoundError,
    ReminderNotFoundError,
    ReminderOverError,
    UnknownTargetError,
)
from monolith.http.problems import Problem, field_error


def subject_of(request: HttpRequest) -> str:
    """Return the caller as compliance knows them."""
    return f"user:{request.user.pk}"


def key_of(request: HttpRequest, key: str) -> str:
    """Return the caller's key as it is stored: nobody else has it, and none of chat's own keys is like it."""
    return f"{subject_of(request)}:{key}"


@contextmanager
def problems() -> Iterator[None]:
    """Translate what services raise."""
    try:
        yield
    except (
        ChannelNotFoundError,
        MessageNotFoundError,
        DeliveryNotFoundError,
        ReminderNotFoundError,
    ) as error:
        raise Problem(404, "Not found", detail=str(error), type="not-found") from error
    except ChatDeniedError as error:
        raise Problem(
            403, "Not allowed", detail=str(error), type="not-allowed", missing=list(error.missing)
        ) from error
    except LockedOutError as error:
        raise Problem(403, "Locked out", detail=str(error), type="locked-out", score=error.score) from error
    except ChannelExistsError as error:
        raise Problem(409, "Channel exists", detail=str(error), type="channel-exists") from error
    except ChannelArchivedError as error:
        raise Problem(409, "Archived", detail=str(error), type="channel-archived") from error
    except MessageConflictError as error:
        raise Problem(
            409, "Id in use", detail=str(error), type="external-id-conflict", message=error.message
        ) from error
    except DeliveryConflictError as error:
        raise Problem(
            409, "Key in use", detail=str(error), type="dedupe-key-conflict", delivery=error.delivery
        ) from error
    except (DeliveryDecidedError, ReminderOverError) as error:
        raise Problem(409, "Too late", detail=str(error), type="too-late") from error
    except UnknownTargetError as error:
        errors = [field_error("body", "target", detail=str(error))]
        raise Problem(422, "The request is not valid", errors=errors) from error
