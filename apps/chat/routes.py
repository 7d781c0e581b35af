"""The HTTP face of chat, for staff."""

from ninja import Router

private = Router()
