"""Opaque keys on a hot standby, which has the file of secrets for itself: values that are built there, a file that it lacks, and secrets that
are replaced on one side first."""

import itertools
import json

import psycopg
import pytest

from opaque_school import FIRST, SECOND, Secrets, change, entry, fill, get, key_of, load, opaque, until_live
from opaque_school import client, school, secrets, server, worker  # noqa: F401 (fixtures)
from school import School
from servers import Cluster, until

pytestmark = pytest.mark.thorough

numbers = itertools.count(1)
MIA = "mia-of-the-standby"
CALLS = [f"SELECT wc_cache_key('{MIA}'::text, 'health_summary')", f"SELECT * FROM wc_cache_entries(ARRAY['{MIA}'])",
         "SELECT white_cross.key_fingerprints()"]


@pytest.fixture
def theirs(ground):
    """The standby's own copy of the file."""
    theirs = Secrets(ground.folder_for(f"opaque-standby-{next(numbers)}") / "keys")
    theirs.path.parent.chmod(0o755)
    theirs.write(FIRST)
    return theirs


@pytest.fixture
def standby(ground, school, theirs):
    settings = {"white_cross.opaque_keys": "on", "white_cross.key_secret_file": theirs.path, "white_cross.audit": "on"}
    with Cluster(ground, f"opaque-standby-pg-{next(numbers)}", settings, primary=school.cluster) as cluster:
        standby = School(cluster, school.database)
        with standby.connection:
            yield standby


def until_replayed(school, standby):
    position = school.one("SELECT pg_current_wal_insert_lsn()::text")
    until(lambda: standby.one("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", position), 20, "the standby to catch up")


def test_values_of_a_standby_are_stored_and_removed_under_opaque_keys(school, standby, client, worker):
    school.add_student("ada")
    school.add_record("ada", vital='{"height": 140}')
    until(school.is_drained, 10)
    until_replayed(school, standby)
    for kind in ("health_summary", "growth_chart", "records:1:20:{}"):
        assert standby.one("SELECT wc_cache_key('ada'::text, %s)", kind) == key_of("ada", kind=kind)
        made = entry(standby, "ada", kind)
        assert made[0] == key_of("ada", kind=kind) and made[3].endswith(":" + opaque("ada"))
        assert json.loads(made[1]) == json.loads(entry(school, "ada", kind)[1])
        assert fill(client, *made) == 1
        until_live(client, made[0])
    key, late = key_of("ada"), entry(standby, "ada")
    change(school, "ada")
    until(school.is_drained, 10)
    until(lambda: (text := client.get(key)) is None or json.loads(text) == school.summary("ada"), 10)
    assert fill(client, *late) == 0, "it is older than the change"
    until_replayed(school, standby)
    client.delete(key)
    assert fill(client, *entry(standby, "ada")) == 1 and json.loads(client.get(key)) == school.summary("ada")


def test_a_standby_without_the_file_gives_no_key_and_shows_nothing(school, standby, theirs, client, worker):
    school.add_student(MIA)
    until(school.is_drained, 10)
    until_replayed(school, standby)
    theirs.path.unlink()
    client.flushall()
    until(lambda: client.get("wc:alive"), 20, "the worker to be back")
    for statement in CALLS:
        with pytest.raises(psycopg.errors.ConfigFileError, match="white_cross.key_secret_file cannot be opened") as raised:
            standby.sql(statement)
        told = f"{raised.value} {raised.value.diag.message_hint} {raised.value.diag.message_detail}"
        assert "openssl rand" in told and str(theirs.path) not in told and "secret-of" not in told
    assert standby.rows("SELECT status FROM wc_diagnose() WHERE \"check\" = 'keys'") == [("fail",)]
    # What makes no keys goes on; its line cannot say who it was, and does not say it otherwise.
    assert standby.summary(MIA) == school.summary(MIA)
    lines = [line for line in standby.cluster.log.read_text().splitlines() if "white_cross audit" in line]
    assert '"students":["?"]' in lines[-1] and MIA not in "".join(lines)
    assert not list(client.scan_iter("student:*"))
    theirs.write(FIRST)
    load(standby, client, MIA)


def test_a_secret_is_replaced_on_one_side_first(school, standby, secrets, theirs, client, worker):
    """A standby that is ahead or behind stores nothing that no change would remove, and loses nothing that is cached."""
    school.add_student("ada"), school.add_student("eve")
    until(school.is_drained, 10)
    until_replayed(school, standby)
    kept = load(school, client, "eve")
    until_live(client, kept)

    def stores(side, student="ada"):
        return fill(client, *entry(side, student))
    # The standby is ahead, with a secret that the worker does not know.
    theirs.write(SECOND, FIRST)
    made = entry(standby, "ada")
    assert made[0] == key_of("ada", SECOND) and fill(client, *made) == 0 and not client.exists(made[0])
    assert get(client, kept) is not None
    # The worker and the primary learn it: what is under either key is removed by a change.
    secrets.write(FIRST, SECOND)
    until(lambda: stores(standby) == 1, 10, "the worker to know both", interval=0.05)
    assert stores(school) == 1
    until_live(client, key_of("ada", SECOND))
    client.mset({key_of("ada", FIRST): "planted", key_of("ada", SECOND): "planted"})
    change(school, "ada")
    until(lambda: "planted" not in client.mget(key_of("ada", FIRST), key_of("ada", SECOND)), 10, "both to be removed")
    # The old one goes, and the standby is behind.
    theirs.write(FIRST)
    secrets.write(SECOND)
    until(lambda: "," not in (client.get("wc:epoch:of") or ","), 10, "the worker to know the new one alone")
    until(lambda: stores(school) == 1, 10, "it to store", interval=0.05)
    until_live(client, key_of("ada", SECOND))
    until_replayed(school, standby)
    assert entry(standby, "ada")[0] == key_of("ada", FIRST) and stores(standby) == 0
    assert not client.exists(key_of("ada", FIRST), key_of("eve", FIRST))
    theirs.write(SECOND)
    assert stores(standby, "eve") == 1
