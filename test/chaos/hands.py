"""Hands: threads that change what the readers read: mappings, columns, indexes, types, schemas, the extension itself."""

import json
import random
from contextlib import suppress

import psycopg

from tables import MAPPINGS, MOVED, RECORDS, SCHEMA, STUDENTS, renamed

ATTACH = f"SELECT count(*) FROM wc_attach('{SCHEMA}', %s)"


def attach(which):
    return ATTACH, json.dumps(MAPPINGS[which])


# name: (change, undo); each is a list of statements that run in one transaction, some of them with a parameter.
HEAVY = {
    "vital becomes text": ([f"ALTER TABLE {SCHEMA}.health_records ALTER vital TYPE text"],
                           [f"ALTER TABLE {SCHEMA}.health_records ALTER vital TYPE jsonb USING vital::jsonb"]),
    "vital becomes json": ([f"ALTER TABLE {SCHEMA}.health_records ALTER vital TYPE json USING vital::json"],
                           [f"ALTER TABLE {SCHEMA}.health_records ALTER vital TYPE jsonb USING vital::jsonb"]),
    "date becomes text": ([f"ALTER TABLE {SCHEMA}.health_records ALTER date TYPE text"],
                          [f"ALTER TABLE {SCHEMA}.health_records ALTER date TYPE timestamp USING date::timestamp"]),
    "students of allergies become names": ([f'ALTER TABLE {SCHEMA}.allergies ALTER "studentId" TYPE name'],
                                           [f'ALTER TABLE {SCHEMA}.allergies ALTER "studentId" TYPE text']),
    "verified becomes integer": ([f"ALTER TABLE {SCHEMA}.allergies ALTER verified DROP DEFAULT, ALTER verified TYPE integer USING verified::integer"],
                                 [f"ALTER TABLE {SCHEMA}.allergies ALTER verified TYPE boolean USING verified::integer::boolean, ALTER verified SET DEFAULT false"]),
    "a column is renamed": ([f"ALTER TABLE {SCHEMA}.health_records RENAME provider TO provided",
                             (ATTACH, json.dumps(renamed(0, "health_records", "provider", "provided")))],
                            [f"ALTER TABLE {SCHEMA}.health_records RENAME provided TO provider", attach(0)]),
    "a column is renamed unseen": ([f"ALTER TABLE {SCHEMA}.allergies RENAME reaction TO reacts"],
                                   [f"ALTER TABLE {SCHEMA}.allergies RENAME reacts TO reaction"]),
    "grade is dropped": ([f"ALTER TABLE {SCHEMA}.students DROP grade"], [f"ALTER TABLE {SCHEMA}.students ADD grade text NOT NULL DEFAULT '5'"]),
    "a column comes and goes": ([f"ALTER TABLE {SCHEMA}.health_records ADD extra text DEFAULT 'x'"], [f"ALTER TABLE {SCHEMA}.health_records DROP extra"]),
    "an index goes": ([f"DROP INDEX {SCHEMA}.idx_health_records_student_date_type"],
                      [f'CREATE INDEX idx_health_records_student_date_type ON {SCHEMA}.health_records ("studentId", date DESC, id) INCLUDE (type)']),
    "a table is renamed": ([f"ALTER TABLE {SCHEMA}.allergies RENAME TO allergies_moved"], [f"ALTER TABLE {SCHEMA}.allergies_moved RENAME TO allergies"]),
    "the schema is renamed": ([f"ALTER SCHEMA {SCHEMA} RENAME TO {MOVED}"], [f"ALTER SCHEMA {MOVED} RENAME TO {SCHEMA}"]),
    "another schema takes its name": ([f"ALTER SCHEMA {SCHEMA} RENAME TO {MOVED}", f"CREATE SCHEMA {SCHEMA}",
                                       f"CREATE TABLE {SCHEMA}.students AS SELECT 'x'::text AS id", f"CREATE TABLE {SCHEMA}.health_records AS SELECT 'x'::text AS id",
                                       f"CREATE TABLE {SCHEMA}.allergies AS SELECT 'x'::text AS id"],
                                      [f"DROP SCHEMA {SCHEMA} CASCADE", f"ALTER SCHEMA {MOVED} RENAME TO {SCHEMA}"]),
    "a label is renamed": ([f"""ALTER TYPE {SCHEMA}."HealthRecordType" RENAME VALUE 'DENTAL' TO 'DENTAL_CARE'"""],
                           [f"""ALTER TYPE {SCHEMA}."HealthRecordType" RENAME VALUE 'DENTAL_CARE' TO 'DENTAL'"""]),
    "nothing is attached": ([f"SELECT wc_detach('{SCHEMA}')"], [attach(0)]),
    "the extension goes": (["DROP EXTENSION white_cross CASCADE"],
                           ["CREATE EXTENSION white_cross", attach(0), "SELECT white_cross.register_worker('chaos')"]),
}
ATTACHING = {f"mapping {which} is attached": [attach(which)] for which in range(len(MAPPINGS))}
LIGHT = {
    "indexes are made anew": [f"REINDEX TABLE CONCURRENTLY {SCHEMA}.health_records"],
    "an index is made anew": [f"REINDEX INDEX CONCURRENTLY {SCHEMA}.students_pkey"],
    "a table is written anew": [f"VACUUM FULL {SCHEMA}.allergies"],
    "a table is vacuumed": [f"VACUUM (ANALYZE) {SCHEMA}.health_records"],
    "a label is added": [f"""ALTER TYPE {SCHEMA}."Gender" ADD VALUE IF NOT EXISTS 'UNKNOWN'"""],
}


# How many milliseconds a change waits for a lock.
SHORTEST_PATIENCE = 300
LONGEST_PATIENCE = 10000
LOCK_NOT_AVAILABLE = "55P03"


class Hand:
    """Changes something and undoes it, again and again until the run ends."""

    def __init__(self, connect, seed, stop):
        self.connection = connect()
        self._be_patient(SHORTEST_PATIENCE)
        self.random = random.Random(seed)
        self.stop = stop
        self.done = {}
        self.refused = {}

    def change(self, name, statements):
        """Returns False if the server refused, because of locks or because another hand has changed something."""
        try:
            if len(statements) == 1:
                self._execute(statements[0])
            else:
                with self.connection.transaction():
                    for statement in statements:
                        self._execute(statement)
        except psycopg.OperationalError as error:
            if error.sqlstate is None or self.connection.closed:
                raise
            self.refused[name] = error
            if error.sqlstate == LOCK_NOT_AVAILABLE:
                self._be_patient(min(2 * self.patience, LONGEST_PATIENCE))
            return False
        except psycopg.Error as error:
            self.refused[name] = error
            return False
        self.done[name] = self.done.get(name, 0) + 1
        if self.patience != SHORTEST_PATIENCE:
            self._be_patient(max(self.patience // 2, SHORTEST_PATIENCE))
        return True

    def _be_patient(self, milliseconds):
        """REINDEX waits for all readers, readers wait for ALTER TABLE, and ALTER TABLE for REINDEX: a lock_timeout ends that.
        Where reads take long, as under a sanitizer, a short one would end everything else too: it grows until a change is done, and shrinks
        with each that is: to begin anew with the shortest would cost each change of a slow machine many refusals."""
        self.patience = milliseconds
        self.connection.execute(f"SET lock_timeout = {milliseconds}")

    def _execute(self, statement):
        text, *parameters = statement if isinstance(statement, tuple) else (statement,)
        self.connection.execute(text, parameters or None)

    def pick(self, kinds):
        """Returns the change that was made least often, so that each has its turn."""
        names = list(kinds)
        self.random.shuffle(names)
        return min(names, key=lambda name: self.done.get(name, 0) + (0.5 if name in self.refused else 0) * self.random.random() * 4)

    def change_heavily(self):
        while not self.stop.is_set():
            name = self.pick(HEAVY)
            there, back = HEAVY[name]
            if not self.change(name, there):
                continue
            self.stop.wait(self.random.random() * 0.05)
            undo = f"{name}, undone"
            attempts = 0
            while not self.change(undo, back):
                attempts += 1
                if attempts > 200:
                    raise AssertionError(f"cannot be undone: {name}: {self.refused[undo]}")
                self.stop.wait(0.01)

    def change_lightly(self, kinds, pause):
        while not self.stop.is_set():
            name = self.pick(kinds)
            self.change(name, kinds[name])
            self.stop.wait(self.random.random() * pause)

    def write(self, allowed):
        """Writes as the application does.  This must work whatever happens to columns that the application does not use."""
        while not self.stop.is_set():
            student, record = self.random.randint(1, STUDENTS), self.random.randint(1, RECORDS)
            letter = self.random.choice("abc")
            statement = (f"UPDATE {SCHEMA}.health_records SET remarks = repeat('{letter}', 3000), \"updatedAt\" = now() WHERE id = 'r{student}-{record}'",
                         f"UPDATE {SCHEMA}.allergies SET treatment = repeat('{letter}', 2500) WHERE id = 'a{student}-2'")[self.random.randint(0, 1)]
            if not self.change("write", [statement]):
                error = self.refused["write"]
                if not allowed(error):
                    raise AssertionError(f"a write was refused: {error.sqlstate} {error}")
            with suppress(psycopg.errors.UndefinedTable, psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                self.connection.execute("DELETE FROM white_cross.invalidation")
