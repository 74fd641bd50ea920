"""Waiting for what another process does: on the condition, never for a guessed time."""

import time


def until(condition, timeout=10.0, what=None, interval=0.005):
    """The first truthy value of condition(); a TimeoutError that says what was waited for otherwise."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {timeout:g} s: {what or condition}, last seen: {value!r}")
        time.sleep(interval)
