"""A school with opaque keys, of which server and worker share the secrets."""

import base64
import hashlib
import hmac
import itertools
import os

import pytest

from school import School
from servers import Cluster, library, until
from servers.process import own
from servers.worker import Worker

FIRST, SECOND, THIRD = "first-secret-of-thirty-two-letters-", "second-secret-of-thirty-two-letters", "third-secret-of-thirty-two-letters-"
numbers = itertools.count(1)


def opaque(student, secret=FIRST):
    """As RFC 2104 and RFC 4648 have it, by code of others."""
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), student.encode(), hashlib.sha256)[:16]).decode().rstrip("=")


def key_of(student, secret=FIRST, kind="health_summary"):
    return f"student:{opaque(student, secret)}:{kind}"


class Secrets:
    """The file that server and worker share."""

    def __init__(self, path):
        self.path = path

    def write(self, *secrets, mode=0o640):
        beside = self.path.with_suffix(".new")
        beside.write_text("".join(secret + "\n" for secret in secrets))
        own(beside)
        beside.chmod(mode)
        beside.rename(self.path)


@pytest.fixture(scope="module")
def secrets(ground):
    secrets = Secrets(ground.folder_for("opaque") / "keys")
    secrets.write(FIRST)
    os.chmod(secrets.path.parent, 0o755)
    return secrets


@pytest.fixture(scope="module")
def server(ground, secrets):
    with Cluster(ground, "opaque-pg", {"white_cross.opaque_keys": "on", "white_cross.key_secret_file": secrets.path}) as cluster:
        yield cluster


@pytest.fixture
def school(server, secrets):
    secrets.write(FIRST)
    name = f"opaque_{next(numbers)}"
    server.create_database(name)
    with School(server, name) as school:
        school.attach()
        school.allow_worker()
        yield school
        turn(school, "on")
    server.drop_database(name)


@pytest.fixture
def client(redis_server):
    with redis_server.connect() as client:
        client.flushall()
        yield client


def settings(secrets, **more):
    return {"redis": {"opaque_keys": True, "key_secret_file": str(secrets.path)}, "backoff": {"first_ms": 20, "longest_ms": 100}} | more


@pytest.fixture
def worker(ground, redis_server, client, school, secrets):
    with Worker(ground, school.worker_dsn, redis_server, "opaque-worker", settings=settings(secrets)) as worker:
        until(school.is_drained, 10)
        yield worker


def reload(school):
    """Returns when this session has read its configuration anew."""
    before = school.one("SELECT pg_conf_load_time()")
    school.sql("SELECT pg_reload_conf()")
    until(lambda: school.one("SELECT pg_conf_load_time()") != before, 10)


def turn(school, value):
    school.sql(f"ALTER SYSTEM SET white_cross.opaque_keys = {value}")
    reload(school)


def entry(school, student, kind="health_summary"):
    return school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s], ARRAY[%s])", student, kind)[0]


def fill(client, key, value, ttl, snapshot):
    return client.execute_command(*library.fill(key, value, ttl, snapshot))


def load(school, client, student, kind="health_summary"):
    """Stores a value as an application does on a miss.  Returns its key.

    Redis may refuse the first ones: a worker that has just begun has a fence for all students, which these do not see yet.
    """
    made = []

    def is_stored():
        made[:] = entry(school, student, kind)
        return fill(client, *made) == 1

    until(is_stored, 10, "a fill")
    return made[0]


def get(client, key):
    return client.execute_command(*library.get(key))


def change(school, student):
    school.sql("UPDATE students SET \"lastName\" = \"lastName\" || 'x' WHERE id = %s", student)


def until_live(client, key):
    """A reader is answered again."""
    until(lambda: get(client, key) is not None, 15, f"{key} to be found", interval=0.05)


def ids_in(client, students):
    """All names and bookkeeping of Redis that have one of the ids."""
    found = []
    for key in client.scan_iter():
        texts = [key, *(client.smembers(key) if client.type(key) == "set" else [])]
        found += [text for text in texts for student in students if student in text]
    return found
