"""A network of its own for a run, in which nodes of a cluster are cut off from each other while clients still reach each of them.

Each node has an address of its own on loopback.  Rules of routing drop what goes from one address to another.
"""

import itertools
import os
import shutil
import subprocess
import sys

INSIDE = "WC_TORTURE_NETWORK"
FIRST, LOCAL = 10, 30_000  # preferences of rules: a lower one is asked first
# Two cuts at once may be of the same two nodes.
_preferences = itertools.count(FIRST)


def address(number):
    return f"127.0.1.{number}"


def is_there():
    return INSIDE in os.environ


def enter():
    """Starts this program again in a network of its own, where the system lets it; otherwise returns."""
    if is_there() or not shutil.which("unshare") or not shutil.which("ip"):
        return
    unshare = ["unshare", "--net"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    if subprocess.run([*unshare, "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0:
        os.execvpe("unshare", [*unshare, sys.executable, *sys.argv], os.environ | {INSIDE: "1"})


def prepare():
    """Inside: loopback works, and the rule that delivers what is for this machine comes after those that drop."""
    _ip("link", "set", "lo", "up")
    _ip("rule", "add", "preference", LOCAL, "lookup", "local")
    _ip("rule", "del", "preference", 0)


def cut_off(one, others):
    """What these addresses send to each other is dropped from now on, both ways.  Returns what ends it."""
    rules = [(next(_preferences), *pair) for other in others for pair in ((one, other), (other, one))]
    for preference, source, target in rules:
        _ip("rule", "add", "preference", preference, "from", source, "to", target, "blackhole")

    def join():
        for preference, *_ in rules:
            _ip("rule", "del", "preference", preference)
    return join


def _ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True)
