"""A student's history as it leaves the database: what is in it, of one snapshot, with memory for one chunk."""

import csv
import io
import json

import psycopg
import pytest
from psycopg import errors

from awkward import CONDITIONS, DATA, TIME, parsed
from backend_memory import resident_kb
from exported_history import add_records
from school import School

STUDENTS = 120

# The rows of each section, by definition.
ROWS = {
    "student": f"""SELECT json_build_object('id', id, 'firstName', "firstName", 'lastName', "lastName", 'studentNumber', "studentNumber",
        'dateOfBirth', {TIME.format('"dateOfBirth"')}, 'gender', gender, 'grade', grade, 'photo', photo, 'medicalRecordNum',
        "medicalRecordNum", 'isActive', "isActive", 'enrollmentDate', {TIME.format('"enrollmentDate"')}, 'createdAt',
        {TIME.format('"createdAt"')}, 'updatedAt', {TIME.format('"updatedAt"')}, 'nurseId', "nurseId")::text
        FROM students WHERE id = %s""",
    "records": f"""SELECT json_build_object('id', id, 'type', type, 'date', {TIME.format('date')}, 'description', description, 'vital', vital,
        'provider', provider, 'notes', notes, 'attachments', attachments, 'createdAt', {TIME.format('"createdAt"')},
        'updatedAt', {TIME.format('"updatedAt"')})::text
        FROM health_records WHERE "studentId" = %s ORDER BY date DESC, id""",
    "allergies": f"""SELECT json_build_object('id', id, 'allergen', allergen, 'severity', severity, 'reaction', reaction, 'treatment', treatment,
        'verified', verified, 'verifiedBy', "verifiedBy", 'verifiedAt', {TIME.format('"verifiedAt"')}, 'createdAt',
        {TIME.format('"createdAt"')}, 'updatedAt', {TIME.format('"updatedAt"')})::text
        FROM allergies WHERE "studentId" = %s ORDER BY severity DESC, allergen, id""",
    "conditions": f"""SELECT json_build_object('id', id, 'condition', condition, 'diagnosedDate', {TIME.format('"diagnosedDate"')}, 'status', status,
        'severity', severity, 'notes', notes, 'carePlan', "carePlan", 'medications', medications, 'restrictions', restrictions,
        'triggers', triggers, 'diagnosedBy', "diagnosedBy", 'lastReviewDate', {TIME.format('"lastReviewDate"')}, 'nextReviewDate',
        {TIME.format('"nextReviewDate"')}, 'createdAt', {TIME.format('"createdAt"')}, 'updatedAt', {TIME.format('"updatedAt"')})::text
        FROM chronic_conditions WHERE "studentId" = %s ORDER BY status, condition, id""",
}
ITEMS = {"student": "student", "record": "records", "allergy": "allergies", "condition": "conditions"}


@pytest.fixture
def awkward(school):
    """Students with every character and form of value that there is."""
    school.psql(f"\\set students {STUDENTS}\n{DATA}\n{CONDITIONS}")
    return school


def sections(chunks):
    """The rows of each section, after a look at what joins the chunks to a whole."""
    heads = [dict(chunk) for chunk in chunks]
    assert [head["chunk"] for head in heads] == list(range(1, len(chunks) + 1))
    assert len({head["studentId"] for head in heads}) == 1
    assert heads[0]["type"] == "student" and heads[0]["format"] == 1 and heads[-1]["type"] == "end"
    found = {section: [] for section in ROWS}
    for head in heads[:-1]:
        section = ITEMS.get(head["type"], head["type"])
        rows = head[head["type"]]
        # Which null is JSON's own has a test of its own.
        found[section] += [tuple(field for field in row if field[0] != "$jsonNulls")
                           for row in (rows if head["type"] in ("records", "allergies", "conditions") else [rows])]
    assert {name: heads[-1][name] for name in ("records", "allergies", "conditions")} == {
        name: len(rows) for name, rows in found.items() if name != "student"}
    return found


def expected(school, student):
    return {section: [parsed(row) for row, in school.rows(query, student)] for section, query in ROWS.items()}


WAYS = {
    "through indexes": "",
    "by queries": "SET white_cross.direct_reads = off",
    "an index without ids": 'CREATE INDEX ON health_records ("studentId", date DESC) INCLUDE (type)',
    "ids in the other order": 'CREATE INDEX ON health_records ("studentId", date DESC, id DESC) INCLUDE (type)',
    "an index read backwards": 'CREATE INDEX ON health_records ("studentId", date, id DESC) INCLUDE (type)',
    "no index": "DROP INDEX idx_health_records_student_date",
    "pages that vacuum has not seen": "UPDATE health_records SET notes = notes; DELETE FROM health_records WHERE ascii(id) % 5 = 0",
}


@pytest.mark.parametrize("way", WAYS)
def test_everything_is_in_it(awkward, way):
    if "index" in way and way != "through indexes":
        awkward.sql("DROP INDEX idx_health_records_student_date_type")
    awkward.sql(WAYS[way] or "SELECT")
    ids = [id for id, in awkward.rows("SELECT id FROM students")]
    many = {}
    for id, chunk in awkward.rows("SELECT student_id, chunk::text FROM wc_export_health_histories(%s::text[], 7)", ids):
        many.setdefault(id, []).append(parsed(chunk))
    assert list(many) == ids
    for id in ids:
        rows = expected(awkward, id)
        assert sections(many[id]) == rows
        assert sections([parsed(chunk) for chunk, in awkward.rows(
            "SELECT wc_export_health_history(%s::text)::text", id)]) == rows
        assert sections([parsed(line) for line, in awkward.rows("SELECT wc_export_health_history_ndjson(%s::text)", id)]) == rows


def test_batches(school):
    student = school.add_student()
    for n in range(10):
        school.add_record(student)
    for size, batches in (1, [1] * 10), (4, [4, 4, 2]), (5, [5, 5]), (10, [10]), (11, [10]):
        chunks = [chunk for chunk, in school.rows("SELECT wc_export_health_history(%s::text, %s)", student, size)]
        assert [len(chunk["records"]) for chunk in chunks if chunk["type"] == "records"] == batches


def test_csv_is_what_a_reader_of_csv_reads(awkward):
    """Through psql into a file, as a person would."""
    ids = [id for id, in awkward.rows("SELECT id FROM students ORDER BY id LIMIT 30")]
    for id in ids:
        text = awkward.psql(f"SELECT wc_export_health_history_csv('{id}'::text, harmless => false)")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert [(row["studentId"], row["id"], row["description"].replace("\r", "\n"), row["notes"].replace("\r", "\n")) for row in rows] == [
            (id, record["id"], record["description"].replace("\r", "\n"), (record["notes"] or "").replace("\r", "\n"))
            for record in map(dict, expected(awkward, id)["records"])]
        assert [json.loads(row["attachments"]) if row["attachments"] else None for row in rows] == [
            record["attachments"] for record in map(dict, expected(awkward, id)["records"])]


RUN = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\v=1", " =1", "\u00a0=1", "\u3000=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)", "\u200b=1",
       "\u00a0", "\ufeff=1"]
PLAIN = ["plain=1", "", " ", "1+1", "\u00e9=1", "\u30fc1"]


@pytest.mark.parametrize("encoding", ["UTF8", "EUC_JP", "LATIN1"])
def test_a_spreadsheet_runs_nothing_of_it(cluster, encoding):
    """Whatever the encoding of the database; numbers stay numbers."""
    name = f"spreadsheet_{encoding.lower()}"
    with cluster.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    codec = encoding.lower().replace("utf8", "utf-8")

    def fits(text):
        try:
            return bool(text.encode(codec)) or True
        except UnicodeEncodeError:
            return False
    school = School(cluster, name)
    with school.connection:
        school.sql("CREATE EXTENSION white_cross")
        school.sql("SELECT wc_create_tables('public')")
        school.sql('ALTER TABLE health_records ADD COLUMN n numeric, ADD COLUMN f float8, ADD COLUMN "=cmd()" text, ADD COLUMN o "char", ADD COLUMN d date')
        school.sql("SELECT wc_attach('public')")
        student = school.add_student(firstName="=cmd|' /C calc'!A0", lastName="-2+3")
        texts = [text for text in RUN + PLAIN if fits(text)]
        assert len(texts) > 14
        for n, text in enumerate(texts):
            school.add_record(student, f"{n:02}", description=text, n="-1.5", f="-1e-9", o="=", d="0044-03-15 BC")
        for harmless in True, False:
            lines = [next(csv.reader(io.StringIO(line, newline=""))) for line, in school.rows(
                "SELECT wc_export_health_history_csv(%s::text, harmless => %s)", student, harmless)]
            rows = [dict(zip(lines[0], line)) for line in lines[1:]]
            wanted = [("'" if harmless and text in RUN else "") + text for text in texts]
            assert [row["description"] for row in sorted(rows, key=lambda row: row["id"])] == wanted
            mark = "'" if harmless else ""
            assert {(row["n"], row["f"], row["o"], row["d"]) for row in rows} == {("-1.5", "-1e-09", mark + "=", mark + "-000043-03-15T00:00:00.000Z")}
            assert (mark + "=cmd()") in lines[0]
        line, = [line for line, in school.rows("SELECT wc_export_health_history_csv(%s::text, 'student')", student)][1:]
        assert "'=cmd|' /C calc'!A0" in next(csv.reader([line])) and "'-2+3" in next(csv.reader([line]))
    with cluster.connect() as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_lines_through_copy(awkward):
    """A delimiter and a quote that no JSON text contains: nothing is escaped a second time."""
    id = awkward.one("SELECT \"studentId\" FROM health_records GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
    with awkward.connection.cursor().copy(
            f"COPY (SELECT wc_export_health_history_ndjson('{id}'::text)) TO STDOUT (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')") as copy:
        text = b"".join(copy).decode()
    assert sections([parsed(line) for line in text.split("\n") if line]) == expected(awkward, id)


def test_one_snapshot_for_all_chunks(school):
    """While a cursor is read, other sessions commit. The cursor does not show their changes, whichever table it reads next."""
    student = school.add_student()
    for n in range(6):
        school.add_record(student)
    school.add_allergy(student, allergen="Walnut")
    with school.cluster.connect(school.database, autocommit=False) as reader:
        reader.execute("DECLARE history CURSOR FOR SELECT wc_export_health_history(%s::text, 2)", [student])
        chunks = reader.execute("FETCH 2 FROM history").fetchall()
        school.sql("UPDATE allergies SET allergen = 'after'")
        school.sql("DELETE FROM health_records")
        school.add_condition(student)
        chunks += reader.execute("FETCH ALL FROM history").fetchall()
    assert [chunk["type"] for chunk, in chunks] == ["student", "records", "records", "records", "allergies", "conditions", "end"]
    assert chunks[4][0]["allergies"][0]["allergen"] == "Walnut"
    assert (chunks[-1][0]["records"], chunks[-1][0]["conditions"]) == (6, 0)


def test_an_export_that_is_left_leaves_nothing_open(school):
    """An export ends early by LIMIT, CLOSE, a rollback to a savepoint or an error. PostgreSQL would warn of resources that were
    not released."""
    student = school.add_student()
    for n in range(5):
        school.add_record(student)
    warnings = []
    school.connection.add_notice_handler(lambda notice: warnings.append(notice.message_primary))
    export = f"SELECT wc_export_health_history('{student}', 1)"
    school.sql(f"{export} LIMIT 2")
    school.sql(f"SELECT * FROM wc_export_health_history('{student}', 1) LIMIT 2")
    school.sql(f"SELECT (SELECT c::text FROM ({export}) AS t (c) LIMIT 1), n FROM generate_series(1, 20) n")
    with school.connection.transaction():
        school.sql(f"DECLARE c CURSOR FOR {export}")
        school.sql("FETCH 2 FROM c")
        school.sql("CLOSE c")
        school.sql(f"DECLARE d CURSOR FOR {export}")
        with pytest.raises(ZeroDivisionError), school.connection.transaction():
            school.sql("FETCH 2 FROM d")
            raise ZeroDivisionError
        assert len(school.rows("FETCH ALL FROM d")) == 7
        school.sql(f"DECLARE e CURSOR WITH HOLD FOR {export}")
        school.sql("FETCH 2 FROM e")
    assert len(school.rows("FETCH ALL FROM e")) == 7
    with pytest.raises(errors.DivisionByZero):
        school.sql(f"SELECT 1 / (5 - (c ->> 'chunk')::int) FROM ({export}) AS t (c)")
    with pytest.raises(errors.ObjectInUse), school.connection.transaction():
        school.sql(f"DECLARE f CURSOR FOR {export}")
        school.sql("FETCH 2 FROM f")
        school.sql("ALTER TABLE health_records DROP COLUMN notes")
    assert len(school.rows(export)) == 9
    assert warnings == []


def test_policies_and_privileges_hold(school):
    seen, hidden = school.add_student("seen"), school.add_student("hidden")
    for student in seen, hidden:
        school.add_allergy(student, allergen="Milk")
        school.add_allergy(student, allergen="Secret")
    school.sql("DO $$ BEGIN CREATE ROLE wc_test_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    school.sql("GRANT SELECT ON health_records, allergies, chronic_conditions TO wc_test_reader")
    school.sql("GRANT SELECT (id, \"firstName\") ON students TO wc_test_reader")
    with school.cluster.connect(school.database, "wc_test_reader") as reader:
        with pytest.raises(errors.InsufficientPrivilege, match="students"):
            reader.execute("SELECT wc_export_health_history('seen'::text)")
        school.sql("GRANT SELECT ON students TO wc_test_reader")
        for statement in ("ALTER TABLE students ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON students USING (id = 'seen')",
                          "ALTER TABLE allergies ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON allergies USING (allergen <> 'Secret')"):
            school.sql(statement)
        for form in "", "_ndjson", "_csv":
            assert reader.execute(f"SELECT wc_export_health_history{form}('hidden'::text)").fetchall() == []
        chunks = [chunk for chunk, in reader.execute("SELECT wc_export_health_history('seen'::text)").fetchall()]
        assert [allergy["allergen"] for allergy in chunks[1]["allergies"]] == ["Milk"]
        assert {id for id, in reader.execute("SELECT student_id FROM wc_export_health_histories('{hidden,seen}'::text[])").fetchall()} == {"seen"}


@pytest.mark.thorough
@pytest.mark.parametrize("direct_reads", ["on", "off"])
@pytest.mark.parametrize("form", ["", "_ndjson", "_csv"])
def test_memory_does_not_grow_with_the_history(school, form, direct_reads):
    """An export of 60,000 records needs as much memory as one of 6,000, in a session that does nothing else. A leak of 12 bytes a
    record would make the test fail."""
    for student, count in ("short", 6_000), ("long", 60_000):
        add_records(school, school.add_student(student), count)
    school.sql("VACUUM ANALYZE")
    with school.cluster.connect(school.database) as connection:
        connection.execute(f"SET white_cross.direct_reads = {direct_reads}")

        def peak(student):
            highest, count = 0, 0
            with connection.cursor().copy(f"COPY (SELECT wc_export_health_history{form}('{student}'::text)) TO STDOUT") as copy:
                for count, _ in enumerate(copy, 1):
                    if count % (3 if form == "" else 1_500) == 0:
                        highest = max(highest, resident_kb(connection.info.backend_pid))
            return max(highest, resident_kb(connection.info.backend_pid))
        peak("short")
        before = peak("short")
        assert peak("long") - before < 700


def test_cancel(school):
    add_records(school, school.add_student("long"), 20_000)
    with school.cluster.connect(school.database) as connection:
        with pytest.raises(psycopg.errors.QueryCanceled):
            with connection.cursor().copy("COPY (SELECT wc_export_health_history_ndjson('long'::text) FROM generate_series(1, 1000)) TO STDOUT") as copy:
                for n, _ in enumerate(copy):
                    if n == 100:
                        connection.cancel()
        assert connection.execute("SELECT count(*) FROM wc_export_health_history('long', 1000)").fetchone()[0] == 24
