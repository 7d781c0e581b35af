"""What routes are asked: the parameters of a query, read by pydantic alone."""

from pydantic import BaseModel


class Question(BaseModel):
    """A schema for a route's query or form, which is text by name.

    Ninja's `Schema` looks every field up through an object made for Django's models and templates.
    """
