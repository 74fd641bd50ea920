"""Installing, moving, dumping and dropping the extension."""

import pytest

from school import Cache, School
from servers import Worker, until

INTERNAL = "SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND c.relname = 'students'"


@pytest.fixture
def bare(cluster, empty_database):
    school = School(cluster, empty_database)
    with school.connection:
        yield school


def test_in_another_schema(bare, ground, redis_server):
    bare.sql("CREATE SCHEMA health")
    bare.sql('CREATE SCHEMA "App Data"')
    bare.sql("CREATE EXTENSION white_cross SCHEMA health")
    bare.sql("SELECT health.wc_create_tables('App Data')")
    bare.sql("SELECT health.wc_attach('App Data')")
    bare.sql('SET search_path = "App Data", health')
    student = bare.add_student()
    # nothing of the search path is needed to answer
    bare.sql("SET search_path = ''")
    assert bare.one("SELECT health.wc_health_summary(%s::text)", student)["student"]["id"] == student
    bare.allow_worker()
    redis_server.connect().flushall()
    with redis_server.connect() as client, Worker(ground, bare.worker_dsn, redis_server, "elsewhere"):
        bare.sql("SET search_path = health")
        cache = Cache(client, bare)
        cache.until_drained()
        assert cache.load(student) == 1
        bare.psql(f"""UPDATE "App Data".students SET "lastName" = 'Byron' WHERE id = '{student}'""")
        until(lambda: (cache.summary(student) or {}).get("student", {}).get("lastName") == "Byron", 10, "the new summary")


def test_drop_leaves_the_tables_whole(school):
    student = school.add_student()
    school.add_allergy(student)
    school.sql("DROP EXTENSION white_cross CASCADE")
    assert school.one("SELECT count(*) FROM allergies") == 1
    assert school.one(INTERNAL) == 0
    school.sql("UPDATE students SET grade = '6'")
    school.sql("CREATE EXTENSION white_cross")
    school.sql("SELECT wc_attach('public')")
    assert school.summary(student)["student"]["id"] == student


def test_attaching_twice_changes_nothing(school):
    def state():
        return (school.rows("SELECT * FROM white_cross.binding ORDER BY 1"),
                school.rows("SELECT tgname, tgrelid::regclass::text, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"))
    before = state()
    school.sql("SELECT wc_attach('public')")
    assert state() == before


def test_detach(school):
    student = school.add_student()
    school.sql("SELECT wc_detach('public')")
    assert school.one(INTERNAL) == 0
    with pytest.raises(Exception, match="wc_attach"):
        school.summary(student)


def test_a_dump_keeps_the_attachment(school, cluster, ground, redis_server, request):
    student = school.add_student()
    school.add_allergy(student)
    before = school.summary(student)
    dump = cluster.program("pg_dump", database=school.database)
    copy = f"{school.database}_copy"
    cluster.create_database(copy)
    request.addfinalizer(lambda: cluster.drop_database(copy))
    cluster.psql(dump, copy)
    restored = School(cluster, copy)
    with restored.connection:
        assert restored.summary(student) == before
        restored.allow_worker()
        redis_server.connect().flushall()
        with redis_server.connect() as client, Worker(ground, restored.worker_dsn, redis_server, "restored"):
            cache = Cache(client, restored)
            cache.until_drained()
            cache.plant_summary(student)
            restored.psql("DELETE FROM allergies")
            cache.until_invalidated(cache.key(student))


def test_nothing_is_queued_without_a_worker(school):
    school.add_student()
    school.sql("UPDATE students SET grade = '6'")
    assert school.queue_length() == 0


def test_unregistering_ends_the_queueing(school):
    school.sql("SELECT white_cross.register_worker('w')")
    assert school.rows("SELECT students FROM white_cross.invalidation") == [(None,)]  # every student
    school.add_student()
    assert school.queue_length() == 1
    school.sql("SELECT white_cross.unregister_worker('w')")
    school.add_student()
    assert school.queue_length() == 1


def test_everything_is_in_the_extension(school):
    """Functions and tables made by CREATE EXTENSION go with DROP EXTENSION."""
    school.sql("DROP EXTENSION white_cross CASCADE")
    assert school.one("SELECT count(*) FROM pg_proc WHERE proname LIKE 'wc\\_%%'") == 0
    assert school.one("SELECT count(*) FROM pg_namespace WHERE nspname = 'white_cross'") == 0


def test_every_function_table_and_view_says_what_it_is(school):
    bare = school.rows("""
        SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND (d.classid = 'pg_class'::regclass OR (d.classid = 'pg_proc'::regclass
               AND (SELECT proname LIKE 'wc\\_%%' FROM pg_proc WHERE oid = d.objid)))
          AND obj_description(d.objid, d.classid::regclass::name) IS NULL
          AND (SELECT relkind FROM pg_class WHERE oid = d.objid AND d.classid = 'pg_class'::regclass) IS DISTINCT FROM 'i'""")
    assert bare == []
