"""What grows with a district: the same calls on 0.8 and on 8 million records, side by side.

--students N makes the larger one of N students with 40 records each; 200,000 take 8 GB of disk and a quarter of an hour.
--shared-buffers 9GB holds both.
"""

import random
import statistics
import time
from pathlib import Path

from district import HERE, STUDENTS, in_turns, rounds_in_turns, table
from growth_plot import draw
from opaque import nanoseconds

CLIENTS = 2
# Per student: the time is to stay the same.  It is the server's processor time in a session that has read for a while: a new one maps
# each page of the shared buffers when it first touches it, many more of the larger district.
READS = {
    "summary": "wc_health_summary(id)",
    "page of records": "wc_student_records(id, 2, 10)",
    "two pages by cursor": "wc_student_records_after(id, wc_student_records_after(id, NULL, 10) ->> 'nextCursor', 10)",
    "growth chart": "wc_growth_chart(id)",
}
# What is typed.  Each word of a tenth of the records is in scale.sql.
SEARCHES = {
    "rare word": "anaphylaxis",
    "common word, everywhere": "everywhere",
    "common word, only new": "nowadays",
    "common word, not in the latest tenth": "lately",
    "common word, only in the older half": "formerly",
    "a word in 9 %, two of the latest 64": "hazel",
    "two words that come together": "sore throat",
    "two words by chance": "swollen wrist",
    "two words that never meet": "firbank gorsefield",
    "first and last name": "emma garcia",
    "last name": "garcia",
    "part of a name, two letters": "ar",
}
WHOLE = {"prevalence of all students": "SELECT count(*) FROM wc_growth_prevalence(as_of => '2025-11-01');\n"}


def load(cluster, database, students):
    started = time.monotonic()
    print(f"loading {students * 40:,} records …", end=" ", flush=True)
    cluster.create_database(database)
    cluster.psql("CREATE EXTENSION white_cross; CREATE EXTENSION pg_trgm; SELECT wc_create_tables('public', indexes => false);", database)
    cluster.psql_file(HERE / "scale.sql", database, students=students)
    cluster.psql("""SET maintenance_work_mem = '1GB'; SELECT wc_index_statements('public', false) \\gexec
                    SELECT wc_attach('public');""", database)
    cluster.psql("VACUUM ANALYZE; CHECKPOINT;", database)
    print(f"{time.monotonic() - started:.0f} s", flush=True)


def scripts():
    """{what: (script, way)}"""
    found = {name: (text, "") for name, text in WHOLE.items()}
    for name, typed in SEARCHES.items():
        for way, settings in ("", ""), (", by queries", "-c white_cross.direct_reads=off"):
            found[name + way] = (f"SELECT wc_search_health_records('{typed}');\n", settings)
    return found


def measure_reads(district, sizes, rounds, calls):
    """sizes: {database: students} → {what: {database: ms of the processor}}"""
    found = {}
    sessions = {database: district.cluster.connect(database) for database in sizes}
    for database, session in sessions.items():
        session.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        session.execute("SELECT pg_prewarm(oid::regclass) FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace")
    for name, call in READS.items():
        def one(database, call=call):
            ids = [f"c{random.randint(1, sizes[database]):024}" for _ in range(calls)]
            before = nanoseconds(sessions[database].info.backend_pid)
            sessions[database].execute(f"SELECT count({call}) FROM unnest(%s::text[]) AS id", [ids])
            return (nanoseconds(sessions[database].info.backend_pid) - before) / calls / 1e6

        seen = rounds_in_turns({database: lambda database=database: one(database) for database in sizes}, rounds)
        found[name] = {database: statistics.median(of[rounds // 2:]) for database, of in seen.items()}
    for session in sessions.values():
        session.close()
    return found


def milliseconds(district, script, settings, database, students, seconds):
    return 1000 * CLIENTS / district.pgbench(script, CLIENTS, seconds, settings=settings, variables=[("students", students)], database=database)


def measure_sizes(district, sizes, rounds, seconds):
    """sizes: {database: students} → {what: {database: ms}}"""
    results = {}
    for number, (name, (text, settings)) in enumerate(scripts().items()):
        script = district.script(f"scale_{number}", text)
        results[name] = in_turns({database: lambda database=database, students=students: milliseconds(
            district, script, settings, database, students, seconds) for database, students in sizes.items()}, rounds)
    return results


def measure(district, quick):
    small, large = (200, 2_000) if quick else (STUDENTS, district.most_students)
    sizes = {"scale_small": small, "scale_large": large}
    for database, students in sizes.items():
        load(district.cluster, database, students)
    results = measure_reads(district, sizes, *((2, 200) if quick else (40, 3000))) | measure_sizes(district, sizes, *((1, 1) if quick else (3, 4)))
    print(f"milliseconds, {CLIENTS} clients")
    table(["", f"{small * 40:,} records", f"{large * 40:,}", "times"],
          [[name, found["scale_small"], found["scale_large"], found["scale_large"] / found["scale_small"]] for name, found in results.items()])
    picture = Path(district.ground.folder).parent / "scale.svg"
    picture.write_text(draw(results, {"scale_small": small * 40, "scale_large": large * 40}))
    print(f"written to {picture}")
    for database in sizes:
        district.cluster.psql(f"DROP DATABASE {database}")
    return results
