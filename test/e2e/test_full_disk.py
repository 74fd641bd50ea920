"""The disk of the database's tablespace is full. Writers get an error, no change is half done, and no change is lost."""

import subprocess

import psycopg
import pytest

from school import Cache, School
from servers import Worker, until
from servers.process import own

SIZE_MB = 24


@pytest.fixture
def small_disk(ground):
    """A file system of its own."""
    folder = ground.folder_for("small-disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "tmpfs", str(folder)],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        own(folder)
        (folder / "tablespace").mkdir()
        own(folder / "tablespace")
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_school(cluster, small_disk):
    """The whole database lies there: the application's tables as well as the queue."""
    with cluster.connect() as connection:
        connection.execute(f"CREATE TABLESPACE small_disk LOCATION '{small_disk}/tablespace'")
        connection.execute("CREATE DATABASE small TABLESPACE small_disk")
        school = School(cluster, "small")
        with school.connection:
            for statement in "CREATE EXTENSION white_cross", "SELECT wc_create_tables('public')", "SELECT wc_attach('public')":
                school.sql(statement)
            school.allow_worker()
            yield school
        connection.execute("DROP DATABASE small WITH (FORCE)")
        connection.execute("DROP TABLESPACE small_disk")


def fill_disk(small_disk):
    """Until there is not a page left."""
    with open(small_disk / "ballast", "wb", buffering=0) as ballast:
        for size in 1 << 20, 4096:
            try:
                while ballast.write(bytes(size)) == size:
                    pass
            except OSError:
                pass


def test_a_full_disk(small_school, small_disk, ground, redis_server):
    school = small_school
    students = [school.add_student() for _ in range(50)]
    with redis_server.connect() as client:
        client.flushall()
        with Worker(ground, school.worker_dsn, redis_server, "worker-of-small-disk", {"prewarm": {"save_interval_s": 1}}) as worker:
            cache = Cache(client, school)
            cache.until_drained()
            until(lambda: all(cache.load(student) for student in students), 10, "fills")
            fill_disk(small_disk)
            # Some rows still fit into the pages that there are; then it is over, for the table or for the queue.
            committed = refused = 0
            for n in range(20_000):
                try:
                    school.sql("UPDATE students SET \"lastName\" = %s WHERE id = %s", f"{n:0>200}", students[n % 50])
                    committed += 1
                except psycopg.errors.DiskFull:
                    refused += 1
                    if refused == 20:
                        break
            assert committed and refused == 20
            # What was committed is drained, though nothing can be written: the queue only shrinks.
            cache.until_drained(timeout=20)
            assert all(cache.summary(student) is None or cache.is_current(student) for student in students)
            (small_disk / "ballast").unlink()
            for student in students:
                school.sql("UPDATE students SET \"lastName\" = 'Spacious' WHERE id = %s", student)
            cache.until_drained()
            until(lambda: all(cache.summary(student) and cache.is_current(student) for student in students), 20, "all to be rebuilt")
            assert worker.healthy()


@pytest.fixture
def queue_on_small_disk(cluster, school, small_disk):
    """The queue alone lies there: the application's tables have all the room they want."""
    with cluster.connect() as connection:
        connection.execute(f"CREATE TABLESPACE small_disk LOCATION '{small_disk}/tablespace'")
    place_queue(school, "small_disk")
    yield school
    place_queue(school, "pg_default")
    with cluster.connect() as connection:
        connection.execute("DROP TABLESPACE small_disk")


def place_queue(school, tablespace):
    school.sql(f"ALTER TABLE white_cross.invalidation SET TABLESPACE {tablespace}")
    school.sql(f"ALTER INDEX white_cross.invalidation_pkey SET TABLESPACE {tablespace}")


def test_the_queue_alone_has_no_room(queue_on_small_disk, small_disk):
    """There is room for the change but not for its queue row: neither is done."""
    school = queue_on_small_disk
    student = school.add_student()
    school.sql("SELECT white_cross.register_worker('away')")
    fill_disk(small_disk)
    with pytest.raises(psycopg.errors.DiskFull) as refused:
        for n in range(20_000):
            before = school.one("SELECT grade FROM students WHERE id = %s", student)
            school.sql("UPDATE students SET grade = %s WHERE id = %s", str(n), student)
    assert "small_disk" in str(refused.value) or "pg_tblspc" in str(refused.value)
    assert school.one("SELECT grade FROM students WHERE id = %s", student) == before
    # With the queue's room comes the writer's.
    (small_disk / "ballast").unlink()
    school.sql("UPDATE students SET grade = 'roomy' WHERE id = %s", student)
    assert school.one("SELECT count(*) FROM white_cross.invalidation WHERE %s = ANY (students)", student) > 0
