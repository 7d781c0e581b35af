"""A channel to try; `load` makes it."""


def load() -> str:
    return ""
