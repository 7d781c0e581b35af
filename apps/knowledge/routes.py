"""The HTTP face of knowledge: `public` for everyone, `private` for staff."""

from ninja import Router

public = Router()
private = Router()
