"""Summaries from shared memory through events in a server's life: crashes, restarts, prepared transactions that stay open, the
promotion of a standby, transaction ids that wrap around, databases that are dropped and created, and logical replication."""

import signal
import subprocess
from contextlib import ExitStack

import pytest

from replication import CHANGES, publisher, subscriber, until_applied, until_replayed  # noqa: F401 (fixtures)
from servers import Cluster
from servers.process import as_server_user, own
from sql_literals import literal
from warm_fixtures import cluster  # noqa: F401 (a fixture)
from warm_school import WarmSchool

PRELOAD = {"shared_preload_libraries": "$libdir/white_cross"}
STAYS = "stays\nCREATE ROLE wc_pasted SUPERUSER; --"


@pytest.fixture
def start_own(ground):
    """start_own(**settings): a school on a cluster of its own, ended with the test."""
    with ExitStack() as stack:
        def start(name="own-pg", **settings):
            cluster = stack.enter_context(Cluster(ground, name, PRELOAD | settings))
            cluster.create_database("school")
            warm = WarmSchool.attached(cluster, "school")
            for student in "ada", "bea":
                warm.add_student(student)
                warm.add_allergy(student)
            assert warm.becomes_hit("ada")
            return warm
        yield start


def crash(warm):
    warm.crash()
    return warm


def restart(warm, number=signal.SIGKILL):
    warm.cluster.restart(number)
    warm.reconnect()
    return warm


ENDS = {"crash of a process": crash, "crash": restart, "immediate": lambda warm: restart(warm, signal.SIGQUIT), "fast": lambda warm: restart(warm, signal.SIGINT)}


@pytest.mark.parametrize("end", ENDS)
def test_a_server_that_comes_back_knows_nothing(start_own, end):
    warm = start_own()
    warm.rename("ada", "Before")
    warm.twice("ada")
    ENDS[end](warm)
    assert warm.statistics()["entries"] == 0 and not warm.is_hit("ada")
    assert warm.is_hit("ada")
    warm.rename("ada", "After")
    assert "After" in warm.twice("ada")


def test_a_crash_takes_back_what_was_shown(start_own):
    """A commit that did not wait for the disk: it was shown, and it never was."""
    warm = start_own(fsync="on", wal_writer_delay="10s", full_page_writes="off")
    warm.psql("CHECKPOINT")
    with warm.session(options="-c synchronous_commit=off") as writer:
        warm.rename("ada", "At risk", writer)
        assert "At risk" in warm.twice("ada")
        warm.cluster.kill()
        warm.cluster.stop()
    warm.cluster.start()
    warm.reconnect()
    for _ in range(3):
        warm.both("ada")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("commits", [True, False], ids=["committed", "rolled back"])
def test_a_prepared_transaction_that_stays(start_own, end, commits):
    """After the start it is in no register, so the cache serves nobody until it has ended."""
    warm = start_own()
    warm.psql("BEGIN; UPDATE students SET \"lastName\" = 'Prepared' WHERE id = 'ada'; PREPARE TRANSACTION " + literal(STAYS))
    ENDS[end](warm)
    with warm.session() as old:
        old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        warm.twice("ada", old), warm.twice("bea", old)
        assert not warm.is_hit("bea") and not warm.is_hit("ada")
        assert warm.statistics()["floor_blocked"] is True
        (remedy,) = [remedy for _, status, detail, remedy in warm.rows("SELECT * FROM wc_diagnose()") if status != "ok" and "was prepared" in detail]
        assert "ROLLBACK PREPARED" in remedy and warm.psql(remedy) == "", "a line of comments, whatever the name"
        warm.sql(f"{'COMMIT' if commits else 'ROLLBACK'} PREPARED {literal(STAYS)}")
        assert ("Prepared" in warm.twice("ada")) is commits
        assert "Prepared" not in warm.twice("ada", old)
        assert ("Prepared" in warm.twice("ada")) is commits
        old.execute("COMMIT")
    assert warm.statistics()["floor_blocked"] is False
    assert warm.becomes_hit("ada") and warm.becomes_hit("bea")


# ---- standby ----

def test_a_standby_and_its_promotion(ground, start_own):
    """A snapshot of recovery lists what runs in another way.  One that is held over the promotion stays such a snapshot."""
    primary = start_own()
    with Cluster(ground, "warm-standby", PRELOAD, primary=primary.cluster) as cluster:
        standby = WarmSchool.__new__(WarmSchool)
        standby.cluster, standby.database, standby.connection = cluster, primary.database, cluster.connect(primary.database)
        with primary.session(autocommit=False) as writer:
            primary.rename("ada", "Open", writer)
            primary.rename("bea", "Done")
            until_replayed(primary, standby)
            before = standby.statistics()
            for _ in range(3):
                assert "Done" in standby.both("bea") and "Open" not in standby.both("ada")
            assert standby.statistics()["hits"] == before["hits"] == 0 and standby.bypassed("recovery") > 0
            writer.execute("PREPARE TRANSACTION 'open'")
        until_replayed(primary, standby)
        with standby.session() as old:
            old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            assert "Open" not in standby.both("ada", old)
            primary.sql("SELECT 1")
            cluster.promote()
            assert "Open" not in standby.twice("ada", old)
            assert not standby.is_hit("bea"), "a prepared transaction from before is left"
            standby.sql("COMMIT PREPARED 'open'")
            assert "Open" in standby.twice("ada")
            assert "Open" not in standby.twice("ada", old)
            standby.rename("bea", "Promoted")
            assert "Promoted" in standby.twice("bea") and "Promoted" not in standby.twice("bea", old)
            assert "Open" in standby.twice("ada") and "Open" not in standby.twice("ada", old)
            old.execute("COMMIT")
        assert standby.becomes_hit("ada") and standby.becomes_hit("bea")
        standby.rename("ada", "Later")
        assert "Later" in standby.twice("ada")
        standby.connection.close()
    primary.sql("ROLLBACK PREPARED 'open'")


# ---- ids of transactions ----

LAST = 2**32 - 200
IDS_OF_A_FILE = 8192 * 4 * 32  # of the log of commits


def advance(cluster, xid):
    """The id that the next transaction gets.  Nothing is older: what is there is frozen."""
    done = subprocess.run([cluster.bin / "pg_resetwal", "-D", cluster.data, "-x", str(xid), "-u", str(xid), "-f"], capture_output=True, text=True, cwd="/",
                          **as_server_user())
    assert done.returncode == 0, done.stderr
    file = cluster.data / "pg_xact" / f"{xid // IDS_OF_A_FILE:04X}"
    file.write_bytes(bytes(IDS_OF_A_FILE // 4))
    own(file)


def test_ids_that_come_round(start_own):
    """Over 2^32: an id of 32 bits is smaller than those before it, of which the registers are full."""
    warm = start_own(autovacuum="off")
    students = [warm.add_student() for _ in range(40)]  # a register has room for five changes since the oldest open transaction
    warm.connection.close()
    for database in "postgres", "template1", warm.database:
        warm.cluster.psql("VACUUM (FREEZE)", database)  # what came before will be after
    warm.cluster.stop()
    advance(warm.cluster, LAST)
    warm.cluster.start()
    warm.reconnect()
    assert LAST <= int(warm.one("SELECT pg_current_xact_id()::text")) < 2**32
    assert warm.becomes_hit("ada")
    with warm.session() as old, warm.session(autocommit=False) as open_since:
        old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        before = warm.twice("ada", old)
        warm.rename("bea", "Open since", open_since)
        hits = {0: [], 1: []}  # of the ids before they come round, and of those after
        for n in range(150):
            student = students[n % len(students)]
            warm.rename(student, f"Name {n}")
            assert f"Name {n}" in warm.both(student)
            is_hit = warm.is_hit(student)
            assert warm.both("ada", old) == before and '"Quill"' in warm.both(student, old)
            assert "Open since" not in warm.both("bea")
            hits[int(warm.one("SELECT pg_current_xact_id()::text")) >> 32].append(is_hit)
        # Two students of one register, which one run in eighty has, have a few misses.
        assert all(of_epoch and sum(of_epoch) >= len(of_epoch) / 2 for of_epoch in hits.values()), hits
        assert sum(map(sum, hits.values())) >= 140, hits
        open_since.commit()
        assert "Open since" in warm.twice("bea") and warm.twice("ada", old) == before
        old.execute("COMMIT")
    assert warm.becomes_hit("ada") and warm.becomes_hit("bea")


# ---- databases ----

def test_two_databases_with_the_same_ids(warm_pair):
    one, other = warm_pair
    for n in range(3):
        one.rename("ada", f"One {n}")
        other.rename("ada", f"Other {n}")
        assert f"One {n}" in one.twice("ada") and f"Other {n}" in other.twice("ada")
        assert one.is_hit("ada") and other.is_hit("ada")


@pytest.fixture
def warm_pair(cluster, school):
    """A database and its copy, in which every table has the same OID and the same file."""
    one = WarmSchool.of(school)
    one.add_student("ada", lastName="One")
    one.twice("ada")
    one.connection.close()
    school.connection.close()
    name = f"{school.database}_copy"
    cluster.create_database(name, school.database)
    other = WarmSchool(cluster, name)
    one.connection = cluster.connect(school.database)
    yield one, other
    one.connection.close(), other.connection.close()
    cluster.drop_database(name)


def test_a_database_that_takes_the_number_of_another(cluster, warm_pair):
    """A database is dropped, and a copy of another one gets its OID. Only the rows differ."""
    if cluster.version < 15:
        pytest.skip("before 15 nobody chooses a database's number")
    one, other = warm_pair
    other.rename("ada", "Of the copy")
    assert "One" in one.twice("ada") and one.is_hit("ada")
    number = one.one("SELECT oid FROM pg_database WHERE datname = current_database()")
    one.connection.close(), other.connection.close()
    with cluster.connect() as connection:
        connection.execute(f'DROP DATABASE "{one.database}"')
        connection.execute(f'CREATE DATABASE "{one.database}" OID {number} TEMPLATE "{other.database}"')
    one.connection, other.connection = one.session(), other.session()
    assert one.one("SELECT oid FROM pg_database WHERE datname = current_database()") == number
    assert "Of the copy" in one.twice("ada") and "Of the copy" in other.twice("ada")


# ---- logical replication ----

def test_what_an_apply_worker_writes(publisher, subscriber):  # noqa: F811
    ada = publisher.add_student("ada")
    until_applied(publisher, subscriber)
    warm = WarmSchool.of(subscriber)
    with warm.connection, warm.session() as reader:
        for name, change in CHANGES.items():
            publisher.add_allergy(ada)
            until_applied(publisher, subscriber)
            assert warm.becomes_hit(ada, reader), name
            before = warm.both(ada, reader)
            publisher.psql(change.replace("grade", '"lastName"').replace("replicated", f"replicated {name}"))
            until_applied(publisher, subscriber)
            assert warm.twice(ada, reader) != before, name
            assert warm.becomes_hit(ada, reader), name


# ---- without memory ----

def test_without_memory_nothing_is_kept(start_own_without):
    for warm in start_own_without:
        for n in range(3):
            warm.rename("ada", f"Name {n}")
            assert f"Name {n}" in warm.twice("ada")
        statistics = warm.statistics()
        assert not any(statistics[name] for name in ("hits", "misses", "fills", "entries", "bytes", "memory"))


@pytest.fixture
def start_own_without(ground):
    with ExitStack() as stack:
        schools = []
        for name, settings in ("no-preload", {}), ("no-memory", PRELOAD | {"white_cross.cache_memory": "0"}):
            cluster = stack.enter_context(Cluster(ground, name, settings))
            cluster.create_database("school")
            schools.append(WarmSchool.attached(cluster, "school"))
            schools[-1].add_student("ada")
        yield schools


@pytest.mark.parametrize("settings", [{"white_cross.cache_memory": "1MB"}, {"white_cross.cache_registers": "1"},
                                      {"white_cross.cache_memory": "1MB", "white_cross.cache_registers": "3"}], ids=str)
def test_little_memory_and_few_registers(start_own, settings):
    """Entries push each other out, and students share registers: that costs hits, never rightness."""
    warm = start_own(**settings)
    students = [warm.add_student(f"s{n}", firstName="x" * (n * 7 % 500)) for n in range(600)]
    for student in students:
        warm.add_record(student, type="VACCINATION", notes="n" * 3000)
    for n in range(2):
        for student in students:
            assert warm.both(student)
        for student in students[::50]:
            warm.rename(student, f"Name {n}")
            assert f"Name {n}" in warm.twice(student)
    statistics = warm.statistics()
    assert statistics["hits"] > 0 and statistics["bytes"] <= statistics["memory"]
    if "white_cross.cache_memory" in settings:
        assert statistics["evictions"] > 0 and statistics["entries"] < len(students)
