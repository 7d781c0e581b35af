"""Execution: the part of agent that goes outside. It has the broker and nothing else.

Nothing here imports models or asks for settings, so that it runs in a process that could not open a database.
"""
