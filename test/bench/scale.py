"""What grows with a district: the same calls on 0.8 and on 8 million records, side by side.

--students N makes the larger one of N students with 40 records each; 200,000 take 8 GB of disk and a quarter of an hour.
"""

import time
from pathlib import Path

from district import HERE, STUDENTS, in_turns, table
from growth_plot import draw

CLIENTS = 2
PICK = "\\set n random(1, :students)\n"
ONE = "('c' || lpad((:n)::text, 24, '0'))"
FIRST = f"SELECT wc_student_records_after({ONE}, NULL, 10) ->> 'nextCursor' AS next \\gset\n"
# Per student: the time is to stay the same.
READS = {
    "summary": f"{PICK}SELECT wc_health_summary({ONE});\n",
    "page of records": f"{PICK}SELECT wc_student_records({ONE}, 2, 10);\n",
    "two pages by cursor": f"{PICK}{FIRST}SELECT wc_student_records_after({ONE}, :next, 10);\n",
    "growth chart": f"{PICK}SELECT wc_growth_chart({ONE});\n",
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
    found = {name: (text, "") for name, text in {**READS, **WHOLE}.items()}
    for name, typed in SEARCHES.items():
        for way, settings in ("", ""), (", by queries", "-c white_cross.direct_reads=off"):
            found[name + way] = (f"SELECT wc_search_health_records('{typed}');\n", settings)
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
    results = measure_sizes(district, sizes, *((1, 1) if quick else (3, 4)))
    print(f"milliseconds, {CLIENTS} clients")
    table(["", f"{small * 40:,} records", f"{large * 40:,}", "times"],
          [[name, found["scale_small"], found["scale_large"], found["scale_large"] / found["scale_small"]] for name, found in results.items()])
    picture = Path(district.ground.folder).parent / "scale.svg"
    picture.write_text(draw(results, {"scale_small": small * 40, "scale_large": large * 40}))
    print(f"written to {picture}")
    for database in sizes:
        district.cluster.psql(f"DROP DATABASE {database}")
    return results
