"""Threads that change students, in transactions of every kind."""

import psycopg

from changes import any_change
from session import Session


class Writer(Session):
    kind = "writer"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.prepared = 0
        self.students = []

    def turn(self):
        connection = self.connection()
        connection.autocommit = False
        self.moment = self.records.moment()
        kind = self.dice.choices(list(KINDS), KINDS.values())[0]
        self.students = []
        if self.chance(0.3):
            connection.execute("SET LOCAL hunt.peek = on")
        if self.chance(0.3):
            connection.execute("SET LOCAL synchronous_commit = off")
        kind(self, connection)
        connection.autocommit = True
        self.records.count("transactions")
        self.records.count(f"transactions, {kind.__name__}")
        self.records.changed(self.name, f"{kind.__name__} of {' '.join(self.students)}")

    def failed(self, error):
        if error.sqlstate == "WCXXX":
            if self.moment is None or self.moment != self.records.moment():
                self.records.count("compared by a trigger while labels or privileges changed")
            else:
                self.records.problem(str(error))
        super().failed(error)

    def change(self, connection):
        text, parameters, students = any_change(self.dice)
        connection.execute(text, parameters)
        self.students += students

    # ---- kinds of transactions ----

    def short(self, connection):
        self.change(connection)
        connection.commit()

    def rolled_back(self, connection):
        self.change(connection)
        connection.rollback()

    def with_savepoints(self, connection):
        self.change(connection)
        connection.execute("SAVEPOINT a")
        self.change(connection)
        connection.execute(self.dice.choice(["ROLLBACK TO a", "RELEASE a"]))
        self.change(connection)
        connection.commit()

    def long(self, connection):
        self.change(connection)
        self.pause(0.1)
        self.change(connection)
        self.pause(0.3 if self.chance(0.9) else 2)
        connection.commit() if self.chance(0.8) else connection.rollback()

    def several(self, connection):
        for _ in range(self.dice.randint(2, 6)):
            self.change(connection)
        connection.commit()

    def in_two_phases(self, connection):
        """Prepares and ends a transaction. A crash may leave it prepared; then hands.py ends it."""
        self.change(connection)
        self.prepared += 1
        name = f"{self.name} {self.prepared} {self.dice.getrandbits(30)}"
        connection.execute(f"PREPARE TRANSACTION '{name}'")
        connection.commit()
        self.pause(0.05)
        connection.autocommit = True
        try:
            connection.execute(f"{'COMMIT' if self.chance(0.7) else 'ROLLBACK'} PREPARED '{name}'")
        except psycopg.errors.UndefinedObject:
            pass  # a hand has ended it

    def copy(self, connection):
        students = [f"s{self.dice.randint(1, 40)}" for _ in range(5)]
        with connection.cursor().copy('COPY allergies (id, allergen, severity, "updatedAt", "studentId") FROM stdin') as into:
            for student in students:
                into.write_row((f"y{self.dice.getrandbits(60):x}", "Copied", "SEVERE", "2025-10-10", student))
        self.students += students
        connection.commit()

    def without_triggers_of_origin(self, connection):
        """Changes rows as an apply worker of another replication system does. Our triggers fire all the same."""
        connection.execute("SET LOCAL session_replication_role = replica")
        self.change(connection)
        connection.commit()


KINDS = {Writer.short: 46, Writer.rolled_back: 9, Writer.with_savepoints: 12, Writer.long: 9, Writer.several: 9, Writer.in_two_phases: 9,
         Writer.copy: 3, Writer.without_triggers_of_origin: 3}
