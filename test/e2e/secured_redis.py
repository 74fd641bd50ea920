"""A Redis with the users of config/users.acl, and the rules of each."""

import re

import pytest

from servers import Redis
from servers.ground import ROOT


@pytest.fixture(scope="module")
def secured(ground):
    with Redis(ground, "redis-secured", access=True) as server:
        yield server


@pytest.fixture
def administrator(secured):
    with secured.connect() as client:
        client.flushall()
        client.acl_log_reset()
        yield client
        client.execute_command("ACL", "LOAD")


def rules(user):
    """The rules of a user in config/users.acl, each as one word."""
    line, = [line for line in (ROOT / "config/users.acl").read_text().splitlines() if line.startswith(f"user {user} ")]
    return re.findall(r"\([^)]*\)|\S+", line)[2:]
