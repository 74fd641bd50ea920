"""A school whose tables have ids of another type, columns in snake_case, and what the application need not have."""

from school import School
from test_tables_of_all_kinds import TABLES

ID_TYPES = ["text", "uuid", "bigint"]


class OwnSchool(School):
    """`key(n)` is the n-th id, in the order of the type."""

    def __init__(self, cluster, database, id_type, time_type="timestamp(3)", more=""):
        cluster.create_database(database)
        super().__init__(cluster, database)
        self.id_type = id_type
        self.sql(TABLES.format(id=id_type, time=time_type) + more)
        self.sql("CREATE EXTENSION white_cross")
        self.sql("SELECT wc_attach('public')")
        # Without them there is nothing to read through but queries.
        for statement, in self.rows("SELECT wc_index_statements('public', false)"):
            self.sql(statement)
        self.records = 0

    def key(self, n):
        return {"text": f"id-{n:04}", "uuid": f"00000000-0000-0000-0000-{n:012}", "bigint": n}[self.id_type]

    def add(self, n, born="2014-03-02", sex="FEMALE", grade="5", **columns):
        self.insert("students", {"id": self.key(n), "student_number": f"N{n}", "first_name": "Ada", "last_name": "Quill",
                                 "date_of_birth": born, "gender": sex, "grade": grade} | columns)

    def measure(self, n, date, vital=None, id=None, type="CHECKUP", **columns):
        self.records += 1
        self.insert("health_records", {"id": self.key(id or 1000 + self.records), "student_id": self.key(n), "type": type, "date": date,
                                       "description": "", "vital": vital} | columns)

    def of(self, function, n, *arguments, **named):
        """Returns the result of function(the n-th id, …), which is the same through indexes and by queries."""
        words = ["%s"] * len(arguments) + [f"{name} => %s" for name in named]
        call = f"{function}({', '.join([f'%s::{self.id_type}', *words])})"
        answers = []
        for direct in "on", "off":
            self.sql(f"SET white_cross.direct_reads = {direct}")
            answers.append(self.rows(f"SELECT * FROM {call}", self.key(n), *arguments, *named.values()))
        self.sql("RESET white_cross.direct_reads")
        assert answers[0] == answers[1], (call, self.key(n), arguments, named)
        (answer,), = [answers[0][0]] if len(answers[0][0]) == 1 else [[answers[0][0]]]
        return answer
