"""Bindings after changes: one column for two attributes, columns that were dropped, collations, and a mapping that changes during
a read."""

import json
import re
import threading
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from column_types import CALLS, TYPES
from servers import until

SOURCES = Path(__file__).resolve().parents[2] / "src/extension"


def bind(school, **entities):
    school.sql("SELECT wc_attach('public', %s)", json.dumps({entity: {"columns": columns} for entity, columns in entities.items()}))


# ---- one column, two attributes ----

@pytest.mark.parametrize("direct", ["on", "off"])
def test_one_column_for_two_attributes(school, direct):
    """Some applications keep two attributes under one name. Every attribute except the ids is bound to the column of another
    attribute of the same kind."""
    school.sql(f"SET white_cross.direct_reads = {direct}")
    twice = {"students": {"firstName": "lastName", "studentNumber": "lastName"}, "health_records": {"notes": "provider", "createdAt": "date", "updatedAt": "date"},
             "allergies": {"treatment": "reaction", "verifiedBy": "reaction", "updatedAt": "createdAt", "verifiedAt": "createdAt"},
             "chronic_conditions": {"carePlan": "notes", "diagnosedBy": "notes", "triggers": "medications", "restrictions": "medications"}}
    bind(school, **twice)
    student = school.add_student(lastName="Quill")
    record = school.add_record(student, provider="Dr. Who", type="VACCINATION")
    school.add_allergy(student, reaction="Hives")
    school.add_condition(student, notes="calm", medications=["x"])
    shown = school.one("SELECT wc_health_summary(%s, '{chronicConditions}')", student)
    assert shown["student"]["firstName"] == shown["student"]["lastName"] == "Quill"
    assert shown["allergies"][0]["treatment"] == shown["allergies"][0]["reaction"] == "Hives"
    assert shown["recentVaccinations"][0]["notes"] == "Dr. Who" and shown["chronicConditions"][0]["carePlan"] == "calm"
    found = school.one("SELECT wc_student_records(%s) -> 'records' -> 0", student)
    assert found["id"] == record and found["notes"] == "Dr. Who" and found["createdAt"] == found["date"]

    for call in CALLS:
        school.rows(f"SELECT r::text FROM {call.replace('ID', repr(student))} AS r")
    assert len(school.one("SELECT wc_search_health_records('checkup') -> 'records'")) == 1

    chunks = [row[0] for row in school.rows("SELECT wc_export_health_history(%s)", student)]
    assert len(school.rows("SELECT wc_export_health_history_ndjson(%s)", student)) == 5
    columns = school.rows("SELECT a.attname FROM pg_attribute AS a WHERE attrelid = 'students'::regclass AND attnum > 0")
    assert len(chunks[0]["student"]) == len(columns)
    for section in "student", "records", "allergies", "conditions":
        names, *rows = [row[0] for row in school.rows("SELECT wc_export_health_history_csv(%s, %s)", student, section)]
        assert len(rows) == 1 and len(set(names.split(","))) == len(names.split(","))
    before = {table: school.rows(f"SELECT t::text FROM {table} AS t") for table in ("students", "health_records", "allergies", "chronic_conditions")}
    school.sql("DELETE FROM students")
    school.sql("SELECT wc_import_health_history(%s)", json.dumps(chunks))
    assert before == {table: school.rows(f"SELECT t::text FROM {table} AS t") for table in before}


# ---- columns that are gone ----

def test_columns_beyond_a_summary_may_go(school):
    student = school.add_student()
    school.add_record(student)
    before = school.summary(student)
    school.sql("ALTER TABLE students DROP grade")
    school.sql('ALTER TABLE health_records DROP attachments, DROP "createdAt"')
    chunks = [row[0] for row in school.rows("SELECT wc_export_health_history(%s)", student)]
    assert "grade" not in chunks[0]["student"] and {"attachments", "createdAt"} & chunks[1]["records"][0].keys() == set()
    assert "grade" not in school.rows("SELECT wc_export_health_history_csv(%s, 'student')", student)[0][0]
    with pytest.raises(errors.UndefinedColumn, match='column "grade" of table "public.students"'):
        school.rows("SELECT * FROM wc_growth_prevalence()")
    with pytest.raises(errors.UndefinedColumn, match='"(attachments|createdAt)"'):
        school.one("SELECT wc_student_records(%s)", student)
    assert school.summary(student) == before or "createdAt" in str(school.summary(student))
    school.sql("DELETE FROM students")
    school.sql("SELECT wc_import_health_history(%s)", json.dumps(chunks))
    assert school.one("SELECT count(*) FROM health_records") == 1


# ---- collations ----

@pytest.mark.parametrize("table, column, collation, told", [
    ("students", "id", "loose", 'has the nondeterministic collation "loose", must have a deterministic one'),
    ("allergies", "id", "loose", 'has the nondeterministic collation "loose"'),
    ("health_records", "studentId", "loose", 'has the nondeterministic collation "loose"'),
    ("chronic_conditions", "studentId", '"C"', 'has the collation "C", must have "default", the collation of the students\' id'),
])
def test_collations_of_ids(school, table, column, collation, told):
    """Ids that are equal and not identical are refused, by wc_attach and by reads of what was attached before."""
    student = school.add_student()
    school.sql("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    # Since 18 a foreign key refuses such a collation by itself.
    for other in "health_records", "allergies", "chronic_conditions":
        school.sql(f'ALTER TABLE {other} DROP CONSTRAINT "{other}_studentId_fkey"')
    school.sql(f'ALTER TABLE {table} ALTER "{column}" TYPE text COLLATE {collation}')
    for statement in "SELECT wc_export_health_history(%s)", "SELECT wc_health_summary(%s, '{chronicConditions}')":
        with pytest.raises(errors.DatatypeMismatch, match=re.escape(told) if table != "students" else "collation") as refused:
            school.one(statement, student)
        assert refused.value.diag.message_hint
    with pytest.raises(errors.DatatypeMismatch, match=re.escape(told)):
        school.sql("SELECT wc_attach('public')")
    school.sql(f'ALTER TABLE {table} ALTER "{column}" TYPE text COLLATE "default"')
    school.sql("SELECT wc_attach('public')")
    assert school.summary(student)


def test_domains_are_refused(school):
    school.sql("CREATE DOMAIN id_text AS text")
    school.sql("ALTER TABLE allergies ALTER id TYPE id_text")
    with pytest.raises(errors.DatatypeMismatch, match="is public.id_text, must be text, varchar, char, uuid, bigint or integer"):
        school.sql("SELECT wc_attach('public')")


# ---- writes ----

def test_writes_go_on_and_nothing_is_missed(school):
    """The column of students' ids is dropped or changed. A row that does not tell its student marks all students."""
    student = school.add_student()
    school.add_allergy(student)
    school.add_record(student, vital='{"height": 140}')
    school.add_condition(student)
    school.sql("SELECT white_cross.register_worker('test')")
    wrong = []
    for table, touched in ("allergies", "reaction"), ("health_records", "notes"), ("chronic_conditions", "notes"):
        school.sql(f'ALTER TABLE {table} DROP CONSTRAINT "{table}_studentId_fkey"')
        school.sql(f'ALTER TABLE {table} ADD kept text')
        for index, in school.rows("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass AND NOT indisprimary", table):
            school.sql(f"DROP INDEX {index}")
        school.sql(f'UPDATE {table} SET kept = "studentId"')
        for type in TYPES:
            if type in ("a domain", "another enum"):
                continue
            literal = {"json": "'\"x\"'", "integer": "5", "bigint": "5", "numeric": "5", "uuid": "gen_random_uuid()", "date": "'2020-01-01'",
                       "timestamptz": "'2020-01-01'", "text[]": "'{x}'", "bytea": "'x'"}.get(type, "kept")
            school.sql(f'ALTER TABLE {table} ALTER "studentId" TYPE {type} USING {literal}::{type}')
            school.sql("DELETE FROM white_cross.invalidation")
            school.sql(f"UPDATE {table} SET {touched} = 'new'")
            marked = school.rows("SELECT students FROM white_cross.invalidation")
            if marked != ([([student],)] if type == "text" else [(None,)]):
                wrong.append((table, type, marked))
        school.sql(f'ALTER TABLE {table} ALTER "studentId" TYPE text USING kept')
        school.sql("DELETE FROM white_cross.invalidation")
        school.sql(f"UPDATE {table} SET {touched} = 'newer'")
        assert school.rows("SELECT students FROM white_cross.invalidation") == [([student],)]
    assert not wrong


def test_a_session_that_wrote_before_the_mapping_changed(school):
    """Its trigger goes by the mapping that there is, like those of sessions that begin afterwards."""
    student, other = school.add_student(), school.add_student()
    record = school.add_record(student, vital='{"height": 140}')
    school.sql("SELECT white_cross.register_worker('test')")
    school.sql("ALTER TABLE health_records ADD measured jsonb, ADD owner text")
    school.sql("UPDATE health_records SET notes = 'looked up', owner = %s", other)

    def marked(update):
        school.sql("DELETE FROM white_cross.invalidation")
        school.sql(f"UPDATE health_records SET {update} WHERE id = %s", record)
        return school.rows("SELECT sections & 16 > 0, students FROM white_cross.invalidation ORDER BY students")

    assert marked("measured = '{}'") == [(False, [student])], "no growth chart shows it yet"
    bind(school, health_records={"vital": "measured", "studentId": "owner"})
    assert marked("""measured = '{"height": 141}'""") == [(True, [other])]
    assert marked("vital = NULL") == [(False, [other])], "no growth chart shows it any more"


# ---- what changes in the middle of a read ----

@contextmanager
def reader(school, policy, schema="public"):
    """The connection becomes a role that this policy applies to."""
    role = f"reader_of_{school.database}"
    school.sql(f"CREATE ROLE {role}")
    try:
        school.sql(f"GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}")
        for table in "students", "health_records", "allergies", "chronic_conditions":
            school.sql(f"ALTER TABLE {schema}.{table} ENABLE ROW LEVEL SECURITY")
            school.sql(f"CREATE POLICY meanwhile ON {schema}.{table} USING ({policy})")
        school.sql(f"SET ROLE {role}")
        yield role
    finally:
        school.sql("RESET ROLE")
        school.sql(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


@pytest.mark.parametrize("call", [
    "wc_health_summary(%s)", "wc_health_summary(%s, '{chronicConditions,growth,trends}')", "(SELECT summary FROM wc_health_summaries(ARRAY[%s]))",
    "(SELECT json_agg(c) FROM wc_export_health_history(%s) AS c)", "wc_student_allergies(%s)", "wc_student_records(%s)", "wc_student_conditions(%s)",
    "wc_growth_chart(%s)", "(SELECT json_agg(value) FROM wc_cache_entries(ARRAY[%s], '{health_summary}'))"])
def test_a_read_goes_by_one_mapping(school, call):
    """A policy attaches another mapping while its table is read: dates that are numbers, names that are others."""
    student = school.add_student(firstName="Ada")
    for n in range(3):
        school.add_allergy(student, allergen=f"Nuts {n}", reaction="Hives", treatment="EpiPen")
        school.add_record(student, type="VACCINATION", date=f"2025-10-1{n}", provider="Dr. Who", notes="Rest", vital='{"height": 140, "weight": 40}')
    school.add_condition(student, notes="calm", carePlan="plan")
    school.sql("ALTER TABLE students ADD born date DEFAULT '2001-01-01', ADD called varchar DEFAULT 'Bea'")
    school.sql("ALTER TABLE health_records ADD day date DEFAULT '2001-01-01', ADD kind text DEFAULT 'VACCINATION'")
    other = {"students": {"dateOfBirth": "born", "firstName": "called", "gender": "called"},
             "health_records": {"date": "day", "type": "kind", "provider": "notes", "notes": "provider"},
             "allergies": {"reaction": "treatment", "treatment": "reaction", "verified": "verified"},
             "chronic_conditions": {"notes": "carePlan", "carePlan": "notes"}}
    mine = school.rows("SELECT entity, columns FROM white_cross.binding")
    bind(school, **other)
    its = school.rows("SELECT entity, columns FROM white_cross.binding")
    school.sql("CREATE TABLE mappings (which text, entity text, columns jsonb)")
    for which, rows in ("mine", mine), ("its", its):
        for entity, columns in rows:
            school.sql("INSERT INTO mappings VALUES (%s, %s, %s)", which, entity, json.dumps(columns))
    # For each row: the other mapping, and back again at the next.
    school.sql("""CREATE FUNCTION flip() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        UPDATE white_cross.binding AS b SET columns = m.columns FROM mappings AS m
        WHERE m.entity = b.entity AND m.which = CASE WHEN b.columns = (SELECT x.columns FROM mappings AS x WHERE x.which = 'its' AND x.entity = b.entity)
                                                     THEN 'mine' ELSE 'its' END;
        -- Somebody else resolves it meanwhile.
        PERFORM wc_health_summary('nobody', '{chronicConditions}');
        RETURN true; END $$""")
    plain = {}
    for which in "its", "mine":
        school.sql("UPDATE white_cross.binding AS b SET columns = m.columns FROM mappings AS m WHERE m.entity = b.entity AND m.which = %s", which)
        plain[which] = school.one(f"SELECT {call}", student)
    with reader(school, "flip()"):
        found = [school.one(f"SELECT {call}", student) for _ in range(4)]
    for answer in found:
        assert without_moment(answer) in [without_moment(plain["mine"]), without_moment(plain["its"])], answer


@pytest.mark.parametrize("call", [
    "wc_health_summary(%s)", "(SELECT summary FROM wc_health_summaries(ARRAY[%s]))", "wc_student_allergies(%s)", "wc_student_records(%s)",
    "(SELECT json_agg(c) FROM wc_export_health_history(%s) AS c)", "wc_growth_chart(%s)", "wc_vital_trend(%s, 'weight')", "wc_bmi_category_of(%s)"])
def test_another_schema_takes_the_name(school, call):
    """Renaming a schema locks no table: a read must not go on with those that have the names now."""
    school.sql("SELECT wc_detach('public')")
    for schema, allergen in ("decoy", "nothing"), ("clinic", "Nuts"):
        school.sql(f"CREATE SCHEMA {schema}; SELECT wc_create_tables('{schema}'); SET search_path = {schema}, public")
        student = school.add_student("s1")
        school.add_allergy(student, allergen=allergen)
        school.add_record(student, vital='{"height": 140, "weight": 40}', date="2025-10-10")
        school.sql("RESET search_path")
    school.sql("SELECT wc_attach('clinic')")
    plain = school.one(f"SELECT {call}", student)
    school.sql("""CREATE FUNCTION rename() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        IF to_regnamespace('decoy') IS NOT NULL AND current_setting('test.rename', true) = 'on' THEN
            EXECUTE 'ALTER SCHEMA clinic RENAME TO moved';
            EXECUTE 'ALTER SCHEMA decoy RENAME TO clinic';
        END IF;
        RETURN true; END $$""")
    # Not even those who follow DDL notice it first.
    for name, in school.rows("SELECT evtname FROM pg_event_trigger"):
        school.sql(f"ALTER EVENT TRIGGER {name} DISABLE")
    with reader(school, "public.rename()", "clinic") as role:
        school.sql(f"RESET ROLE; GRANT USAGE ON SCHEMA decoy TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA decoy TO {role}; SET ROLE {role}")
        assert without_moment(school.one(f"SELECT {call}", student)) == without_moment(plain)
        school.sql("SET test.rename = on")
        for _ in range(2):
            with pytest.raises(errors.SerializationFailure, match='schema "clinic" was renamed while its tables were read'):
                school.one(f"SELECT {call}", student)
        school.sql("SET test.rename = off")
        assert without_moment(school.one(f"SELECT {call}", student)) == without_moment(plain)


def without_moment(answer):
    return re.sub(r'"exportDate": "[^"]*"', "", json.dumps(answer, sort_keys=True))


@pytest.mark.parametrize("statement", ["SELECT wc_health_summary('s1')", "SELECT wc_student_records('s1')",
                                       "INSERT INTO allergies (id, allergen, severity, \"studentId\") VALUES ('a', 'Nuts', 'MILD', 's1')"])
def test_an_extension_that_is_dropped_meanwhile(school, statement):
    """A session that waits for the lock on a table of the extension's own finds it gone."""
    school.add_student("s1")
    school.sql("SELECT white_cross.register_worker('test')")
    result = []
    with school.cluster.connect(school.database) as other:
        def work():
            try:
                result.append(other.execute(statement).statusmessage)
            except psycopg.Error as error:
                result.append(f"{error.sqlstate} {error.diag.message_primary}")
        waiting = threading.Thread(target=work)
        with school.connection.transaction():
            school.sql("DROP EXTENSION white_cross CASCADE")
            waiting.start()
            until(lambda: result or school.one("SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted", other.info.backend_pid), 20, "the other to wait")
            assert not result
        waiting.join()
        assert result == (["INSERT 0 1"] if "INSERT" in statement else ["55000 white_cross is not attached to any tables"])


# ---- one callback ----

def test_one_place_of_ten_is_taken():
    """A backend has room for ten relcache callbacks of all libraries, and exits if a library asks for one more."""
    taken = [path.name for path in SOURCES.rglob("*.cpp") for _ in re.finditer(r"CacheRegisterRelcacheCallback\(", path.read_text())]
    assert taken == ["catalog_watch.cpp"]
