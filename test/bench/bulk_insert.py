"""What change tracking costs one large INSERT … SELECT, with fsync, up to the commit's return."""

import time

from district import in_turns, table
from inserts import bare, tracked

BULK = """INSERT INTO allergies (id, allergen, severity, "studentId")
SELECT 'bulk-' || n, 'Peanuts', 'MILD', student_id(1 + n * 7919 % {students}) FROM generate_series(1, {rows}) AS n"""


def measure(district, quick):
    rows, rounds = (10_000, 1) if quick else (100_000, 11)

    def run(world):
        with world(district), district.cluster.connect(district.database) as connection:
            began = time.perf_counter()
            connection.execute(BULK.format(students=district.students, rows=rows))
            took = time.perf_counter() - began
            connection.execute("DELETE FROM allergies WHERE id LIKE 'bulk-%'")
            connection.execute("VACUUM allergies")
            connection.execute("CHECKPOINT")
        return took

    results = in_turns({"no trigger": lambda: run(bare), "white_cross, worker paused": lambda: run(lambda d: tracked(d, paused=True)),
                        "white_cross, worker running": lambda: run(tracked)}, rounds)
    print(f"one INSERT of {rows:,} rows")
    table(["", "seconds", "of that without"], [[name, f"{took:.2f}", f"{took / results['no trigger']:.2f}"]
                                               for name, took in results.items()])
    return results
