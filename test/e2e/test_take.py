"""white_cross.take: the drain's look into the queue, held against what plain SQL finds, and what it refuses."""

import random
import re
import threading
from collections import Counter

import psycopg
import pytest
from psycopg import errors

from servers import until

TAKE = "SELECT * FROM white_cross.take(%s::xid8[], %s::xid8, %s, %s::xid8, %s, %s)"
ALL = ("{}", "0", -2**31, "0", -2**31, 10_000)

# The rows that a call sees, in order, with what each counts.
SEEN = """
SELECT i.xid::text, i.n, i.sections, i.students, i.pattern, e.is_everything,
       CASE WHEN e.is_everything THEN 1 ELSE greatest(cardinality(i.students), pg_column_size(i.students) / 200) END
FROM white_cross.invalidation AS i
CROSS JOIN LATERAL (SELECT i.students IS NULL OR cardinality(i.students) > 100000 OR pg_column_size(i.students) > 1000000) AS e (is_everything)
WHERE (i.xid = ANY (%s::xid8[]) AND (i.xid, i.n) > (%s::xid8, %s)) OR (i.xid, i.n) > (%s::xid8, %s)
ORDER BY i.xid, i.n"""


@pytest.fixture
def queue(school):
    """A registered worker's school, whose queue is empty."""
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("TRUNCATE white_cross.invalidation")
    return school


def put(school, xid, n, students, sections=4, pattern=None, queued_at="now"):
    school.sql("INSERT INTO white_cross.invalidation VALUES (%s::xid8, %s, %s, %s, %s, %s)", str(xid), n, sections, students, pattern, queued_at)


def left(school):
    return [(int(xid), n) for xid, n in school.rows("SELECT xid::text, n FROM white_cross.invalidation ORDER BY xid, n")]


class Taken:
    """The result of one call."""

    def __init__(self, rows):
        rows = [(kind.decode() if isinstance(kind, bytes) else kind, *rest) for kind, *rest in rows]
        self.batch = next(row for row in rows if row[0] == ".")
        self.deleted, self.complete = self.batch[2], bool(self.batch[3])
        self.last = next(((row[1], row[2]) for row in rows if row[0] == ">"), None)
        self.everything = [(row[1], row[2], row[4]) for row in rows if row[0] == "*"]
        self.students = Counter((row[1], row[2], row[4]) for row in rows if row[0] == "s")
        self.ages = {row[1]: row[3] for row in rows if row[0] == "s"}


def take(school, *arguments):
    return Taken(school.rows(TAKE, *arguments))


def expected(school, *arguments):
    """The same by plain SQL: the rows until the first one that finds no room."""
    picked, size, complete = [], 0, True
    for row in school.rows(SEEN, *arguments[:-1]):
        if size >= arguments[-1] or len(picked) >= arguments[-1]:
            complete = False
            break
        picked.append(row)
        size += row[6]

    def flat(students):
        return [one for student in students for one in (flat(student) if isinstance(student, list) else [student])]

    students = Counter((student, sections, f"{{{xid}}}") for xid, n, sections, ids, _, everything, _ in picked if not everything
                       for student in flat(ids) if student is not None)
    everything = [(xid, n, None if ids is not None else pattern) for xid, n, _, ids, pattern, is_everything, _ in picked if is_everything]
    return picked, complete, students, everything


@pytest.mark.parametrize("seed", range(4))
def test_it_finds_what_sql_finds(queue, seed):
    """Rows and places of every kind."""
    chance = random.Random(seed)
    xids = [0, 1, 2, 3, 5, 8, 13, 2**32 + 1, 2**63, 2**64 - 1]
    arrays = ["{}", "{NULL}", "{a}", "{a,b,NULL}", "{{a,b},{c,NULL}}", "[-5:-4]={a,d}", None]
    for _ in range(40):
        queue.sql("TRUNCATE white_cross.invalidation")
        for xid in xids:
            for n in chance.sample([-2**31, -1, 0, 1, 2, 2**31 - 1], chance.randrange(5)):
                students = chance.choice(arrays + [[f"s{i}" for i in range(300)], ["x" * 3000]])
                put(queue, xid, n, students, chance.choice([-1, 0, 4, 31]), chance.choice([None, "p*"]))
        later = (str(chance.choice(xids)), chance.choice([-2**31, 0, 1]))
        # The worker's list of transactions in progress has none behind that.
        in_progress = [xid for xid in chance.sample(xids, 4) if xid < int(later[0])]
        arguments = ("{" + ",".join(map(str, in_progress)) + "}", str(chance.choice(xids)), chance.choice([-2**31, 0, 1]), *later,
                     chance.choice([1, 2, 5, 100, 10_000]))
        before = set(left(queue))
        picked, complete, students, everything = expected(queue, *arguments)
        taken = take(queue, *arguments)
        assert (taken.students, taken.everything, taken.complete) == (students, everything, complete), arguments
        assert taken.last == ((picked[-1][0], picked[-1][1]) if picked else None)
        gone = {(int(row[0]), row[1]) for row in picked if not row[5]}
        assert taken.deleted == len(gone) and set(left(queue)) == before - gone


def test_a_huge_row_counts_as_every_student(queue):
    queue.sql("INSERT INTO white_cross.invalidation SELECT '7', 0, 4, array_agg('s' || i), 'no*', now() FROM generate_series(1, 100001) AS i")
    queue.sql("ALTER TABLE white_cross.invalidation ALTER COLUMN students SET STORAGE EXTERNAL")
    queue.sql("INSERT INTO white_cross.invalidation SELECT '7', 1, 4, array_agg(repeat('s', 1000) || i), NULL, now() FROM generate_series(1, 1000) AS i")
    put(queue, 7, 2, ["ada"])
    taken = take(queue, *ALL)
    assert taken.everything == [("7", 0, None), ("7", 1, None)] and list(taken.students) == [("ada", 4, "{7}")]
    assert left(queue) == [(7, 0), (7, 1)]


def test_ages_are_bounded(queue):
    for n, when in enumerate(["infinity", "-infinity", "4713-11-24 BC", "294276-12-31", "now"]):
        put(queue, 7, n, [when], queued_at=when)
    ages = take(queue, *ALL).ages
    assert ages["infinity"] == ages["294276-12-31"] == 0
    assert ages["-infinity"] == ages["4713-11-24 BC"] > 900 * 365 * 86_400 * 1_000_000
    assert 0 <= ages["now"] < 600 * 1_000_000


def test_a_rollback_gives_all_back(queue):
    put(queue, 7, 0, ["ada"])
    for _ in range(2):
        with queue.connection.transaction():
            assert take(queue, *ALL).deleted == 1
            raise psycopg.Rollback
    assert left(queue) == [(7, 0)]


def test_the_token_is_of_the_snapshot_that_saw_the_rows(queue):
    """The row is committed after the statement's own snapshot was taken: take() looks later, and its token says so."""
    with queue.cluster.connect(queue.database, autocommit=False) as blocker, queue.cluster.connect(queue.database) as drain:
        blocker.execute("LOCK TABLE white_cross.invalidation IN SHARE ROW EXCLUSIVE MODE")
        found = []
        waiting = threading.Thread(target=lambda: found.extend(drain.execute(TAKE, ALL).fetchall()))
        waiting.start()
        until(lambda: queue.one("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s", drain.info.backend_pid), 20, "it to wait")
        xid = blocker.execute("INSERT INTO white_cross.invalidation VALUES (pg_current_xact_id(), 0, 4, '{ada}', NULL, now()) RETURNING xid::text").fetchone()[0]
        blocker.commit()
        waiting.join()
    taken = Taken(found)
    assert list(taken.students) == [("ada", 4, f"{{{xid}}}")]
    xmin, xmax, in_progress = taken.batch[1].split("@")[0].split(":")
    assert int(xmax) > int(xid) and xid not in in_progress.split(",")


def test_it_waits_for_a_deletion_and_skips_what_it_deleted(queue):
    put(queue, 7, 0, ["ada"])
    put(queue, 7, 1, ["grace"])
    with queue.cluster.connect(queue.database, autocommit=False) as other, queue.cluster.connect(queue.database) as drain:
        other.execute("DELETE FROM white_cross.invalidation WHERE n = 0")
        drain.execute("SET lock_timeout = '50ms'")
        with pytest.raises(errors.LockNotAvailable):
            drain.execute(TAKE, ALL)
        drain.execute("SET lock_timeout = 0")
        found = []
        waiting = threading.Thread(target=lambda: found.extend(drain.execute(TAKE, ALL).fetchall()))
        waiting.start()
        until(lambda: queue.one("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s", drain.info.backend_pid), 20, "it to wait")
        other.commit()
        waiting.join()
    assert list(Taken(found).students) == [("grace", 4, "{7}")]
    assert left(queue) == []


def test_what_it_refuses(queue):
    queue.allow_worker()
    put(queue, 7, 0, ["ada"])
    role = queue.worker_role
    with queue.cluster.connect(queue.database, role) as worker:
        def refused(error, message):
            with pytest.raises(error, match=message):
                worker.execute(TAKE, ALL)

        for privilege in "SELECT", "DELETE":
            queue.sql(f"REVOKE {privilege} ON white_cross.invalidation FROM {role}")
            refused(errors.InsufficientPrivilege, "permission denied for table invalidation")
            queue.allow_worker()
        queue.sql("ALTER TABLE white_cross.invalidation ENABLE ROW LEVEL SECURITY")
        refused(errors.InsufficientPrivilege, f'row-level security of white_cross.invalidation applies to role "{role}"')
        worker.execute("SET row_security = off")
        refused(errors.InsufficientPrivilege, "row-level security")
        queue.sql("ALTER TABLE white_cross.invalidation DISABLE ROW LEVEL SECURITY")
        worker.execute("SET default_transaction_read_only = on")
        refused(errors.ReadOnlySqlTransaction, "white_cross.take")
        worker.execute("SET default_transaction_read_only = off")
        queue.sql("REVOKE EXECUTE ON FUNCTION white_cross.take(xid8[], xid8, integer, xid8, integer, bigint) FROM " + role)
        refused(errors.InsufficientPrivilege, "function take")
        queue.allow_worker()
        assert left(queue) == [(7, 0)]
        queue.sql("SELECT white_cross.unregister_worker('w')")
        refused(errors.ObjectNotInPrerequisiteState, "no worker is registered")
        queue.sql("ALTER TABLE white_cross.invalidation DROP CONSTRAINT invalidation_pkey")
        queue.sql("SELECT white_cross.register_worker('w')")
        refused(errors.UndefinedObject, "no primary key")


def test_a_worker_says_that_the_extension_is_older_or_grants_too_little(school, start_worker):
    """As after an upgrade of the worker alone, and after one of both for a role that was granted what there was before."""
    signature = "white_cross.take(xid8[], xid8, integer, xid8, integer, bigint)"

    def says(worker, text):
        until(lambda: re.search(text, worker.log.read_text()), 30, f"the worker to say: {text}")

    school.allow_worker()
    school.sql(f"REVOKE EXECUTE ON FUNCTION {signature} FROM {school.worker_role}")
    worker = start_worker(enter=False, settings={"backoff": {"longest_ms": 100}})
    worker.start(wait=False)
    says(worker, r"permission denied for function white_cross.take \(SELECT wc_grant_worker\('ROLE'\)")
    school.sql(f"ALTER FUNCTION {signature} RENAME TO taken_before")
    says(worker, "the extension white_cross of this database is older than this worker: ALTER EXTENSION white_cross UPDATE")
