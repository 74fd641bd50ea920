"""The library without one of its cures, for tests that must then find something stale.  No setting does this.

Each cure is a list of (what the source says, what it says without the cure); a text that is not there once is an error,
so that no test goes on with a library that still has the cure.
"""

import re

from . import library

CURES = {
    "fences": [("not allows(held[4], snapshot)", "false"), ("not allows(held[5], snapshot)", "false")],
    "fence of a student": [("not allows(held[5], snapshot)", "false")],
    "fence of all": [("not allows(held[4], snapshot)", "false")],
    "epoch": [("not covers(snapshot, epoch)", "false")],
    "life of the server": [("not is_of_one_life(snapshot, epoch)", "false")],
    "age": [("not is_young(snapshot, held[2], held[3])", "false")],
}


def without(*names):
    """The library's source."""
    source = library.SOURCE.read_text()
    for name in names:
        for said, instead in CURES[name]:
            if source.count(said) != 1:
                raise ValueError(f"white_cross.lua says {source.count(said)} times, and not once: {said}")
            source = source.replace(said, instead)
    return source


def beside(source, suffix="_without"):
    """The same as a second library, which stands in Redis beside the worker's own: its functions are wc_fill_without, …"""
    return re.sub(r"'(wc_[a-z_]+)'", rf"'\1{suffix}'", source.replace("name=white_cross", f"name=white_cross{suffix}", 1))
