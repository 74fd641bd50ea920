"""Waits for what another process does: until a condition holds, never for a guessed time."""

import time


def until(condition, timeout=10.0, what=None, interval=0.005):
    """Waits until condition() is true and returns its value.  Raises TimeoutError that names `what` was expected; a function is called
    to name it then."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            expected = what() if callable(what) else what
            raise TimeoutError(f"not within {timeout:g} s: {expected or condition}, last seen: {value!r}")
        time.sleep(interval)
