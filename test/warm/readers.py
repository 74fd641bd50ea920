"""Threads that compare a summary from the cache with one that is read from the tables, under the same snapshot."""

from changes import STUDENTS, any_change
from session import Session

LEVELS = {"READ COMMITTED": 45, "REPEATABLE READ": 45, "SERIALIZABLE": 10}
WAYS = {"summary": 60, "whole": 10, "one_of_many": 10, "entry": 10, "as_owner": 10}
ROLES = {"NONE": 80, "wc_hunt_nurse": 10, "wc_hunt_clerk": 5, "wc_hunt_tutor": 5}
CONTEXT = 90  # bytes around the first difference

# found may have been built, and kept, before plain or after it.
FIRST = "hunt.{way}(i) AS found, hunt.plain_{way}(i) AS plain"
# With a pause between two students, so that what comes later in a statement has an old snapshot.
PAUSE = "CASE WHEN random() < 0.08 THEN pg_sleep(random() * 0.02) END"
STATEMENTS = {
    "at once": f"SELECT i, {FIRST} FROM unnest(%(ids)s::text[]) AS i OFFSET 0",
    "slowly": f"SELECT i, {FIRST} FROM (SELECT i, {PAUSE} AS pause FROM unnest(%(ids)s::text[]) AS i OFFSET 0) AS q "
              "WHERE pause IS NULL OR pause IS NOT NULL OFFSET 0",
    "in parallel": f"SELECT id AS i, {FIRST.replace('(i)', '(id)')} FROM hunt.ids WHERE id = ANY (%(ids)s::text[]) OFFSET 0",
    "again and again": "SELECT id AS i, found, plain FROM hunt.compare_again_and_again(%(ids)s::text[]) OFFSET 0",
}
# Without an order, which would have the two calls of a row at different times.
CURSOR = "DECLARE slow CURSOR FOR SELECT id, hunt.summary(id), hunt.plain_summary(id) FROM hunt.ids"
COMPARE = """
SELECT count(*), count(*) FILTER (WHERE found IS DISTINCT FROM plain), (array_agg(ARRAY[i, found, plain]) FILTER (WHERE found IS DISTINCT FROM plain))[1:3],
       pg_current_snapshot()::text
FROM ({statement}) AS q
"""


def difference(found, plain):
    """Where two texts begin to differ, and what stands there."""
    if found is None or plain is None:
        return f"cache: {(found or 'nobody')[:CONTEXT]}\n    table: {(plain or 'nobody')[:CONTEXT]}"
    at = next((n for n, (a, b) in enumerate(zip(found, plain)) if a != b), min(len(found), len(plain)))
    begin = max(0, at - CONTEXT // 2)
    return f"at byte {at}\n    cache: …{found[begin:at + CONTEXT]}…\n    table: …{plain[begin:at + CONTEXT]}…"


class Reader(Session):
    kind = "reader"

    def turn(self):
        kind = self.dice.choices([self.transaction, self.cursor, self.shared_snapshot], [90, 6, 4])[0]
        kind()

    def ids(self):
        return [f"s{self.dice.randint(1, STUDENTS)}" for _ in range(self.dice.choice([1, 3, 20, 60]))]

    def begin(self, connection, level):
        connection.autocommit = False
        connection.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")

    def transaction(self):
        connection = self.connection()
        level = self.dice.choices(list(LEVELS), LEVELS.values())[0]
        role = self.dice.choices(list(ROLES), ROLES.values())[0]
        writes = role == "NONE" and self.chance(0.08)
        self.begin(connection, level)
        if self.chance(0.1):
            connection.execute(f"SET LOCAL white_cross.direct_reads = {self.dice.choice(['on', 'off'])}")
        if self.chance(0.1):
            connection.execute(f"SET LOCAL \"TimeZone\" = '{self.dice.choice(['Asia/Tokyo', 'UTC'])}'; SET LOCAL \"DateStyle\" = 'SQL, DMY'")
        if role != "NONE":
            connection.execute(f"SET LOCAL ROLE {role}")
        for _ in range(self.dice.randint(1, 6)):
            if writes and self.chance(0.6):
                self.write(connection)
            how = self.dice.choices(list(STATEMENTS), [60, 20, 12, 8])[0]
            if how == "in parallel":
                connection.execute("SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0")
            way = "summary"
            if how != "again and again":
                # An error caught in a block of its own cannot be caught in a parallel worker.
                way = "attempt" if role != "NONE" else self.dice.choices(list(WAYS), WAYS.values())[0]
            self.compare(connection, STATEMENTS[how].format(way=way), self.ids(), f"{level}, {how}, {way}, role {role}{', writing' if writes else ''}",
                         role not in ("NONE", "wc_hunt_nurse"))
            if level != "READ COMMITTED" and self.chance(0.4):
                self.pause(0.1)
        connection.commit() if self.chance(0.7) else connection.rollback()
        connection.autocommit = True

    def write(self, connection):
        text, parameters, students = any_change(self.dice)
        if self.chance(0.3):
            connection.execute("SAVEPOINT q")
            connection.execute(text, parameters)
            connection.execute("ROLLBACK TO q")
        else:
            connection.execute(text, parameters)

    def cursor(self):
        """Its snapshot is that of its beginning, in a transaction that looks at later ones meanwhile."""
        connection = self.connection()
        self.begin(connection, "READ COMMITTED")
        connection.execute(CURSOR)
        for _ in range(self.dice.randint(2, 8)):
            moment = self.records.moment()
            rows = connection.execute("FETCH 4 FROM slow").fetchall()
            wrong = [list(row) for row in rows if row[1] != row[2]]
            self.judge(moment, len(rows), wrong, "cursor", None)
            self.compare(connection, STATEMENTS["at once"].format(way="summary"), self.ids()[:3], "READ COMMITTED, beside a cursor", False)
            self.pause(0.02)
        connection.commit()
        connection.autocommit = True

    def shared_snapshot(self):
        """One that another transaction exports lives longer than either statement."""
        connection = self.connection()
        self.begin(connection, "REPEATABLE READ")
        snapshot, = connection.execute("SELECT pg_export_snapshot()").fetchone()
        self.pause(0.05)
        with self._connect(options="-c statement_timeout=20s -c lock_timeout=3s") as other:
            other.autocommit = False
            other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            other.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            self.compare(other, STATEMENTS["slowly"].format(way="summary"), self.ids(), "an imported snapshot", False)
            other.rollback()
        self.compare(connection, STATEMENTS["at once"].format(way="summary"), self.ids(), "an exported snapshot", False)
        connection.rollback()
        connection.autocommit = True

    # ---- the verdict ----

    def compare(self, connection, statement, ids, how, is_partial):
        """Compares both summaries. is_partial: the role sees only some rows; these comparisons are counted separately."""
        moment = self.records.moment()
        compared, differing, wrong, snapshot = connection.execute(COMPARE.format(statement=statement), {"ids": ids}).fetchone()
        self.judge(moment, compared, wrong if differing else [], how, snapshot)
        if is_partial:
            self.records.count("compared as a role that sees less", compared)

    def judge(self, moment, compared, wrong, how, snapshot):
        if moment is None or moment != self.records.moment():
            self.records.count("compared while labels or privileges changed", compared)
            return
        self.records.count("compared", compared)
        self.records.count(f"compared, {how.split(',')[0]}", compared)
        for student, found, plain in wrong or []:
            self.records.count("wrong")
            self.records.problem(f"{student}: {how}, snapshot {snapshot}, {difference(found, plain)}", student)

