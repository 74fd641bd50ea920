"""Pages of the records of one student who has 20,000, beside what an ORM sends for them: page 1 and page 1000."""

from district import in_turns, table

RECORDS = 20_000
PAGE = 20
LAST = RECORDS // PAGE  # page 1000

STUDENT = """
INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
VALUES ('deep', 'deep', 'Ada', 'Quill', '2014-03-02', '5', 'FEMALE');
INSERT INTO health_records (id, type, date, description, vital, provider, notes, attachments, "createdAt", "updatedAt", "studentId")
SELECT md5(n::text), r.type, timestamp '2025-10-10' - n * interval '3 hours', r.description, r.vital, r.provider, r.notes, r.attachments,
       r."createdAt", r."updatedAt", 'deep'
FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM health_records LIMIT {records}) AS r ORDER BY md5(r.id);
VACUUM ANALYZE students, health_records;
"""

# Where a page begins, by walking there.
CURSOR = """
CREATE OR REPLACE FUNCTION cursor_after(pages int) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    at text;
BEGIN
    FOR i IN 1 .. pages LOOP
        at := wc_student_records_after('deep', at, {page}) ->> 'nextCursor';
    END LOOP;
    RETURN at;
END $$;
"""

# As Prisma emits findMany with its relation, and count.
ORM = """
SELECT "id", "type"::text, "date", "description", "vital", "provider", "notes", "attachments", "createdAt", "updatedAt", "studentId"
FROM "public"."health_records" WHERE "studentId" = 'deep' ORDER BY "date" DESC LIMIT {page} OFFSET {offset};
SELECT "id", "firstName", "lastName", "studentNumber" FROM "public"."students" WHERE "id" IN ('deep') OFFSET 0;
SELECT COUNT(*) FROM (SELECT "public"."health_records"."id" FROM "public"."health_records" WHERE "studentId" = 'deep' OFFSET 0) AS "sub";
"""


def measure(district, quick):
    cluster, database = district.cluster, district.database
    cluster.psql(STUDENT.format(records=RECORDS), database)
    cluster.psql(CURSOR.format(page=PAGE), database)
    with cluster.connect(database) as connection:
        cursor = connection.execute("SELECT cursor_after(%s)", [LAST - 1]).fetchone()[0]
        deepest = connection.execute("SELECT wc_student_records_after('deep', %s, %s)", [cursor, PAGE]).fetchone()[0]
        same = connection.execute("SELECT wc_student_records('deep', %s, %s)", [LAST, PAGE]).fetchone()[0]
    if deepest["records"] != same["records"] or len(same["records"]) != PAGE or deepest["nextCursor"] is not None:
        raise RuntimeError("the last pages are not what they should be")

    scripts = {}
    for page, start in ((1, "NULL"), (LAST, f"'{cursor}'")):
        scripts["as an ORM asks, by OFFSET", page] = ORM.format(page=PAGE, offset=(page - 1) * PAGE)
        scripts["wc_student_records", page] = f"SELECT wc_student_records('deep'::text, {page}, {PAGE});\n"
        scripts["wc_student_records_after", page] = f"SELECT wc_student_records_after('deep'::text, {start}, {PAGE});\n"
    seconds, rounds = (1, 1) if quick else (3, 5)
    contenders = {}
    for number, (name, text) in enumerate(scripts.items()):
        path = district.script(f"page_{number}", text)
        contenders[name] = lambda path=path: 1000 / district.pgbench(path, 1, seconds)
    found = in_turns(contenders, rounds)

    names = list(dict.fromkeys(name for name, _ in found))
    print(f"ms for a page of {PAGE}, of {RECORDS:,} records of one student")
    table(["", "page 1", f"page {LAST}", "ratio"],
          [[name, f"{found[name, 1]:.3f}", f"{found[name, LAST]:.3f}", f"{found[name, LAST] / found[name, 1]:.2f}"] for name in names])
    return {name: {"page 1 (ms)": found[name, 1], f"page {LAST} (ms)": found[name, LAST], "ratio": found[name, LAST] / found[name, 1]}
            for name in names}
