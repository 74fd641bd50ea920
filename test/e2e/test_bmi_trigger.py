"""BMI that is filled in: kept by a dump, on partitions, and not by what replication applies."""

import pytest

from backend_memory import LIMIT_KB, resident_kb
from school import School


@pytest.fixture
def computing(school):
    school.sql("SELECT wc_attach('public', compute_bmi => true)")
    school.add_student("ada")
    return school


def bmi(school, record):
    return school.one("SELECT vital -> 'bmi' FROM health_records WHERE id = %s", record)


def test_a_dump_keeps_it(computing, cluster, request):
    record = computing.add_record("ada", vital='{"height": 140, "weight": 35}')
    dump = cluster.program("pg_dump", database=computing.database)
    copy = f"{computing.database}_copy"
    cluster.create_database(copy)
    request.addfinalizer(lambda: cluster.drop_database(copy))
    cluster.psql(dump, copy)
    restored = School(cluster, copy)
    with restored.connection:
        assert float(bmi(restored, record)) == 17.9
        assert float(bmi(restored, restored.add_record("ada", "new", vital='{"height": 100, "weight": 16}'))) == 16


def test_what_replication_applies_stays_as_the_publisher_has_it(computing):
    computing.sql("SET session_replication_role = replica")
    assert bmi(computing, computing.add_record("ada", vital='{"height": 140, "weight": 35}')) is None
    computing.sql("RESET session_replication_role")


def test_dropping_the_extension_takes_it_along(computing):
    computing.sql("DROP EXTENSION white_cross CASCADE")
    assert bmi(computing, computing.add_record("ada", vital='{"height": 140, "weight": 35}')) is None


def test_on_partitions_written_directly(cluster, empty_database):
    school = School(cluster, empty_database)
    school.sql("CREATE EXTENSION white_cross")
    school.sql("SELECT wc_create_tables('public', false)")
    school.sql("ALTER TABLE health_records RENAME TO plain")
    school.sql("CREATE TABLE health_records (LIKE plain INCLUDING DEFAULTS) PARTITION BY RANGE (date)")
    school.sql("""CREATE TABLE old (notes text, vital jsonb, id text NOT NULL, type "HealthRecordType" NOT NULL, date timestamp(3) NOT NULL,
                  description text NOT NULL, provider text, attachments text[], "createdAt" timestamp(3) NOT NULL DEFAULT now(),
                  "updatedAt" timestamp(3) NOT NULL DEFAULT now(), "studentId" text NOT NULL)""")
    school.sql("ALTER TABLE health_records ATTACH PARTITION old FOR VALUES FROM (MINVALUE) TO ('2025-01-01')")
    school.sql("SELECT wc_attach('public', compute_bmi => true)")
    school.sql("CREATE TABLE new PARTITION OF health_records FOR VALUES FROM ('2025-01-01') TO (MAXVALUE)")
    school.add_student("ada")
    for table, date in ("health_records", "2024-01-01"), ("old", "2024-01-02"), ("new", "2025-01-02"):
        school.insert(table, {"id": table, "type": "CHECKUP", "date": date, "description": "", "studentId": "ada",
                              "vital": '{"height": 140, "weight": 35}'})
        assert float(bmi(school, table)) == 17.9
    school.sql("SELECT wc_detach('public')")
    assert school.one("SELECT count(*) FROM pg_trigger WHERE tgname IN ('white_cross_bmi', 'white_cross_change')") == 0
    school.connection.close()


def test_memory_stays_flat(computing):
    """A row trigger's memory is given back with each row, also where the vital is large and odd."""
    computing.add_record("ada", "r", vital='{"height": 140, "weight": 35}')
    computing.sql("""CREATE FUNCTION writes(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1 .. n LOOP
        UPDATE health_records SET vital = jsonb_build_object('height', 100 + i % 50, 'weight', CASE i % 3 WHEN 0 THEN 'x'::text END, 'notes', repeat('x', 500))
            || CASE WHEN i % 2 = 0 THEN '{"weight": 30}' ELSE '{}' END::jsonb WHERE id = 'r';
        END LOOP; END $$""")
    pid = computing.connection.info.backend_pid
    computing.sql("BEGIN")
    computing.sql("SELECT writes(500)")
    before = resident_kb(pid)
    computing.sql("SELECT writes(3000)")
    assert resident_kb(pid) - before < LIMIT_KB
    computing.sql("ROLLBACK")
