"""A partition is attached while a function reads by queries: its answer is of before or of after, in all its parts.

A policy, which each statement evaluates for a record, waits for the test: so the partition comes between two statements of one call.
"""

import json
import threading

import psycopg
import pytest

from partitioned import run
from school import attached_school
from servers import until

pytestmark = pytest.mark.thorough

POLICY = """
CREATE FUNCTION wait_for_the_test(id text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF id = 'r1' AND current_setting('test.waits', true) <> 'no' THEN
        IF current_setting('test.waits', true) = 'once' THEN
            PERFORM set_config('test.waits', 'no', false);
        END IF;
        PERFORM pg_advisory_lock(1), pg_advisory_unlock(1);
    END IF;
    RETURN true;
END $$;
ALTER TABLE health_records ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_all ON health_records USING (wait_for_the_test(id));
GRANT SELECT ON students, health_records, allergies, chronic_conditions TO reader;
"""
RECORDS = """
INSERT INTO health_records (id, type, date, description, vital, "studentId")
SELECT 'r' || n, 'CHECKUP', timestamp '2020-01-01' + n * interval '1 day', 'asthma', '{"height": 140, "weight": 32}', 's1' FROM generate_series(1, 3) n;
"""
LATER = """
CREATE TABLE later (LIKE health_records INCLUDING DEFAULTS);
INSERT INTO later (id, type, date, description, vital, "studentId")
SELECT 'later' || n, 'VACCINATION', timestamp '2021-01-01' + n * interval '1 day', 'asthma', '{"height": 150, "weight": 40}', 's1' FROM generate_series(1, 5) n;
"""
PARENTS = {
    "partitions": ("PARTITION BY RANGE (date)", ["CREATE TABLE first PARTITION OF health_records FOR VALUES FROM (MINVALUE) TO ('2021-01-01')"],
                   "ALTER TABLE health_records ATTACH PARTITION later FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')"),
    "partitions of a partition": ("PARTITION BY RANGE (date)", [
        "CREATE TABLE years PARTITION OF health_records FOR VALUES FROM (MINVALUE) TO (MAXVALUE) PARTITION BY RANGE (date)",
        "CREATE TABLE first PARTITION OF years FOR VALUES FROM (MINVALUE) TO ('2021-01-01')"],
        "ALTER TABLE years ATTACH PARTITION later FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')"),
    "children": ("", [], "ALTER TABLE later INHERIT health_records"),
}
CALLS = {
    "summary": "wc_health_summary('s1'::text)",
    "summaries": "(SELECT json_agg(s) FROM wc_health_summaries(ARRAY['s1']) AS s)",
    "page": "wc_student_records('s1'::text, 1, 2)",
    "later page": "wc_student_records('s1'::text, 2, 2)",
    "search": "wc_search_health_records('asthma', page_size => 2)",
    "search by rank": "wc_search_health_records('asthma', page_size => 2, \"order\" => 'rank')",
    "later page of a search": "wc_search_health_records('asthma', page => 2, page_size => 2)",
}


@pytest.fixture
def school(cluster, request):
    key, statements, _ = PARENTS[getattr(request, "param", "partitions")]
    school = attached_school(cluster, "partitions_that_come")
    school.sql("DROP TABLE health_records")
    school.sql(f"""CREATE TABLE health_records (id text NOT NULL, type "HealthRecordType" NOT NULL, date timestamp(3) NOT NULL, description text NOT NULL,
        vital jsonb, provider text, notes text, attachments text[], "createdAt" timestamp(3) NOT NULL DEFAULT now(), "updatedAt" timestamp(3) NOT NULL DEFAULT now(),
        "studentId" text NOT NULL) {key}""")
    run(school, statements)
    school.sql("SELECT wc_attach('public')")
    school.add_student("s1")
    school.psql("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;" + POLICY + RECORDS + LATER)
    with school.connection:
        yield school
    cluster.drop_database(school.database)


def waiting(school):
    """Returns how many sessions wait for the test."""
    return school.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


def start_to_read(school, cluster, call, waits, found):
    def read():
        with cluster.connect(school.database, "reader") as reader:
            reader.execute("SELECT set_config('test.waits', %s, false)", [waits])
            try:
                found.append(reader.execute(f"SELECT {CALLS[call]}::text").fetchone()[0])
            except psycopg.Error as error:
                found.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("school", PARENTS, indirect=True)
def test_an_answer_is_of_one_state(cluster, school, request, call):
    comes = PARENTS[request.node.callspec.params["school"]][2]
    found = []
    school.sql("SELECT pg_advisory_lock(1)")
    thread = start_to_read(school, cluster, call, "once", found)
    until(lambda: waiting(school), 20, "the reader to wait")
    school.sql(comes)
    school.sql("SELECT pg_advisory_unlock(1)")
    thread.join()
    with cluster.connect(school.database, "reader") as reader:
        reader.execute("SET test.waits = 'no'")
        after = reader.execute(f"SELECT {CALLS[call]}::text").fetchone()[0]
    assert "later" in after and json.loads(found[0]) == json.loads(after)


def test_no_answer_while_partitions_never_stop_coming(cluster, school):
    tries = 300
    for n in range(tries):
        school.sql(f"CREATE TABLE empty{n} (LIKE health_records INCLUDING DEFAULTS)")
    found = []
    with cluster.connect(school.database) as holder, cluster.connect(school.database) as next_holder:
        holder.execute("SELECT pg_advisory_lock(1)")
        thread = start_to_read(school, cluster, "page", "always", found)
        for n in range(tries):
            until(lambda: waiting(school) or found, 20, "the reader to wait")
            if found:
                break
            school.sql(f"ALTER TABLE health_records ATTACH PARTITION empty{n} FOR VALUES FROM ('{2100 + n}-01-01') TO ('{2101 + n}-01-01')")
            # Behind the reader, so that it cannot get the lock twice in a row.
            next_holder.pgconn.send_query(b"SELECT pg_advisory_lock(1)")
            until(lambda: waiting(school) == 2, 20, "the next one to wait")
            holder.execute("SELECT pg_advisory_unlock(1)")
            while next_holder.pgconn.get_result():
                pass
            holder, next_holder = next_holder, holder
        holder.execute("SELECT pg_advisory_unlock(1)")
        thread.join()
    assert isinstance(found[0], psycopg.errors.SerializationFailure), found
    assert found[0].diag.message_primary == "partitions of the tables were attached or detached during each of 20 tries to read them"
