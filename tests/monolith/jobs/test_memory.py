"""What a job may take, and what its process kept."""

import os

import pytest

from monolith.jobs.memory import MemoryLimit, resident_bytes

MEGABYTE = 1024 * 1024


def test_a_job_that_takes_more_than_its_limit_gets_a_memory_error() -> None:
    memory = MemoryLimit()
    with memory.limiting(256):
        kept = bytearray(64 * MEGABYTE)
    with memory.limiting(64), pytest.raises(MemoryError):
        bytearray(256 * MEGABYTE)
    assert len(bytearray(256 * MEGABYTE)) > len(kept)  # the limit is gone with its job


def test_a_process_says_what_it_kept() -> None:
    memory = MemoryLimit()
    assert not memory.has_grown()
    kept = bytearray(b"x") * (300 * MEGABYTE)
    assert memory.has_grown()
    del kept
    assert not memory.has_grown()


def test_a_ceiling_is_above_what_the_process_has_now() -> None:
    now = resident_bytes(os.getpid())
    assert now < MemoryLimit().ceiling(64) < now + 256 * MEGABYTE
    assert MemoryLimit().ceiling(0) == 0
