"""Exports: 100 students beside an ORM's statements, and one student of a million records: memory, first chunk, cancel.  Imports of few
and of many records."""

import re
import statistics
import threading
import time

import psycopg

from district import in_turns, table

STUDENTS = 100
FEW, MANY = 100, 1_000_000
MEMORY_MB = 8  # that an export of many may take more than one of few

# What an ORM sends for one student, one after another.
ORM = [
    'SELECT "id", "studentNumber", "firstName", "lastName", "dateOfBirth", "grade", "gender"::text, "photo", "medicalRecordNum", "isActive", '
    '"enrollmentDate", "createdAt", "updatedAt", "nurseId" FROM "public"."students" WHERE "id" = {id} LIMIT 1 OFFSET 0',
    'SELECT "id", "type"::text, "date", "description", "vital", "provider", "notes", "attachments", "createdAt", "updatedAt", "studentId" '
    'FROM "public"."health_records" WHERE "studentId" = {id} ORDER BY "date" DESC LIMIT 1000 OFFSET 0',
    'SELECT "id", "allergen", "severity"::text, "reaction", "treatment", "verified", "verifiedBy", "verifiedAt", "createdAt", "updatedAt", '
    '"studentId" FROM "public"."allergies" WHERE "studentId" = {id} ORDER BY "severity" DESC OFFSET 0',
    'SELECT "id", "condition", "diagnosedDate", "status", "severity", "notes", "carePlan", "medications", "restrictions", "triggers", '
    '"diagnosedBy", "lastReviewDate", "nextReviewDate", "createdAt", "updatedAt", "studentId" FROM "public"."chronic_conditions" '
    'WHERE "studentId" = {id} OFFSET 0',
]

LONG = """
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
SELECT id, id, 'Ada', 'Quill', '2014-03-02', '5', 'FEMALE' FROM unnest('{few,many}'::text[]) AS id;
INSERT INTO health_records (id, type, date, description, vital, provider, notes, attachments, "studentId")
SELECT s.id || n, 'CHECKUP', timestamp '2025-10-10' - n * interval '1 minute', 'Routine annual checkup, growth and development reviewed',
       '{"height": 140.5, "weight": 35.2, "heartRate": 80, "temperature": 36.6}', 'Nurse Patel', repeat('Parent notified by phone. ', 6), '{}', s.id
FROM (VALUES ('few', :few), ('many', :many)) AS s (id, count), generate_series(1, s.count) AS n;
VACUUM ANALYZE students, health_records;
"""


def in_milliseconds(work):
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def measure_hundred(district, quick):
    """Milliseconds for 100 students: through a driver, and by pgbench, which reads no row and so costs the client nothing."""
    ids = [f"c{1 + n * 197 % district.students:024d}" for n in range(STUDENTS)]
    with district.cluster.connect(district.database) as connection:
        connection.prepare_threshold = 0

        def one_after_another():
            for id in ids:
                for statement in ORM:
                    connection.execute(statement.format(id="%s"), [id]).fetchall()

        def exported():
            connection.execute("SELECT student_id, chunk::text FROM wc_export_health_histories(%s::text[])", [ids]).fetchall()

        def exported_singly():
            for id in ids:
                connection.execute("SELECT wc_export_health_history(%s::text)::text", [id]).fetchall()

        contenders = {
            "an ORM's statements, from Python": lambda: in_milliseconds(one_after_another),
            "wc_export_health_history, from Python": lambda: in_milliseconds(exported_singly),
            "wc_export_health_histories, from Python": lambda: in_milliseconds(exported),
        }
        seconds, rounds = (1, 1) if quick else (3, 7)
        pick = "\\set n random(1, :students)\n"
        statements = district.script("orm_export", pick + "".join(f"{s.format(id='student_id(:n)')};\n" for s in ORM))
        many = district.script("export_many", f"{pick}SELECT student_id, chunk FROM wc_export_health_histories(ARRAY("
                               f"SELECT student_id((:n + i * 197) % :students + 1) FROM generate_series(1, {STUDENTS}) AS i));\n")
        contenders["an ORM's statements, by pgbench"] = lambda: 1000 * STUDENTS / district.pgbench(statements, 1, seconds)
        contenders["wc_export_health_histories, by pgbench"] = lambda: 1000 / district.pgbench(many, 1, seconds)
        for work in one_after_another, exported, exported_singly:
            work()
        results = in_turns(contenders, rounds)

    print(f"{STUDENTS} students, of 40 records each")
    table(["", "ms", "times faster"],
          [[name, f"{ms:.1f}", f"{results['an ORM' + chr(39) + 's statements, ' + name.split(', ')[-1]] / ms:.1f}"]
           for name, ms in results.items()])
    return results


def resident_mb(pid):
    return int(re.search(r"RssAnon:\s+(\d+) kB", open(f"/proc/{pid}/status").read())[1]) / 1024


def measure_stream(district, quick):
    """Measures the export of one student: peak memory of the server process, records a second, time to the first chunks, time to
    stop."""
    many = MANY // 20 if quick else MANY
    cluster, database = district.cluster, district.database
    cluster.psql(f"\\set few {FEW}\n\\set many {many}\n{LONG}", database)
    results = {}
    for form in "", "_ndjson", "_csv":
        # A session that has done nothing else: what it has is the export's.
        with cluster.connect(database) as connection:
            def export(student):
                peak, began = 0, time.perf_counter()
                with connection.cursor().copy(f"COPY (SELECT wc_export_health_history{form}('{student}'::text)) TO STDOUT") as copy:
                    for n, _ in enumerate(copy):
                        if n % (25 if form == "" else 10_000) == 0:
                            peak = max(peak, resident_mb(connection.info.backend_pid))
                return max(peak, resident_mb(connection.info.backend_pid)), time.perf_counter() - began

            export("few")
            few, _ = export("few")
            peak, took = export("many")
            if peak - few > MEMORY_MB:
                raise RuntimeError(f"memory grew by {peak - few:.1f} MB with the history")
            results |= {f"{form[1:] or 'chunks'}: memory of {FEW} records, MB": few, f"{form[1:] or 'chunks'}: memory of {many:,} records, MB": peak,
                        f"{form[1:] or 'chunks'}: records a second": many / took}

    with cluster.connect(database) as connection:
        firsts = {"first chunk, ms": [], "first records, ms": []}
        for _ in range(5 if quick else 31):
            with connection.transaction():
                began = time.perf_counter()
                connection.execute("DECLARE history CURSOR FOR SELECT wc_export_health_history('many'::text)")
                connection.execute("FETCH 1 FROM history").fetchall()
                firsts["first chunk, ms"].append((time.perf_counter() - began) * 1000)
                connection.execute("FETCH 1 FROM history").fetchall()
                firsts["first records, ms"].append((time.perf_counter() - began) * 1000)
        results |= {name: statistics.median(values) for name, values in firsts.items()}

        stops = []
        for _ in range(3 if quick else 11):
            asked = []

            def ask():
                asked.append(time.perf_counter())
                connection.cancel()

            timer = threading.Timer(0.2, ask)
            timer.start()
            try:
                connection.execute("SELECT count(c) FROM (SELECT wc_export_health_history('many'::text) FROM generate_series(1, 100)) AS t (c)")
                raise RuntimeError("the export was through before it was cancelled")
            except psycopg.errors.QueryCanceled:
                stops.append((time.perf_counter() - asked[0]) * 1000)
            timer.join()
        results["from cancel to its answer, ms"] = statistics.median(stops)
    cluster.psql("DELETE FROM students WHERE id IN ('few', 'many'); VACUUM health_records;", database)

    print("\none student, COPY (SELECT wc_export_health_history(…)) TO STDOUT")
    table(["", ""], [[name, value] for name, value in results.items()])
    return results


def measure_import(district, quick):
    """Records a second, of a few and of ten times as many.  Without GIN indexes, whose pending entries are merged in bursts."""
    counts = (500, 5_000) if quick else (5_000, 50_000)
    results = {}
    with district.cluster.connect(district.database, autocommit=False) as connection:
        for count in counts:
            connection.execute("DROP INDEX idx_health_records_search, idx_health_records_vital_gin")
            connection.execute('INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender) '
                               "VALUES ('new', 'new', 'Ada', 'Quill', '2014-03-02', '5', 'FEMALE')")
            connection.execute("INSERT INTO health_records (id, type, date, description, vital, notes, attachments, \"studentId\") "
                               "SELECT 'new' || n, 'CHECKUP', timestamp '2025-10-10' - n * interval '1 minute', 'Routine annual checkup', "
                               "'{\"height\": 140.5, \"weight\": 35.2}', repeat('Parent notified by phone. ', 6), '{}', 'new' "
                               "FROM generate_series(1, %s) AS n", [count])
            history = connection.execute("SELECT json_agg(chunk)::text FROM wc_export_health_history('new'::text) AS chunk").fetchone()[0]
            connection.execute("DELETE FROM students WHERE id = 'new'")
            took = in_milliseconds(lambda: connection.execute("SELECT wc_import_health_history(%s::json)", [history]))
            results[f"{count:,} records: records a second"] = 1000 * count / took
            connection.rollback()  # the indexes too
    print("\nwc_import_health_history")
    table(["", ""], [[name, value] for name, value in results.items()])
    return results


def measure(district, quick):
    return {"hundred": measure_hundred(district, quick), "stream": measure_stream(district, quick), "import": measure_import(district, quick)}
