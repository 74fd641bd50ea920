"""COPY of very many rows: the memory that change tracking takes in the session, and the worker's, are bounded."""

import re
from pathlib import Path

import pytest

from school import Cache
from servers import until

ROWS = 60_000
# What PostgreSQL itself keeps of each row until its AFTER trigger has run, what a remembered student takes, and malloc's noise.
PER_ROW, PER_STUDENT, NOISE_KB = 12, 80, 1_500


def memory_kb(pid, field):
    return int(re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1])


def peak_of_copy(school, rows, prefix):
    """kB of its own that a fresh session had at the most while it copied so many students."""
    with school.cluster.connect(school.database) as connection:
        pid = connection.info.backend_pid
        before = memory_kb(pid, "RssAnon")
        text = "".join(f"{prefix}-student-{n:012d}\tN{prefix}{n}\tA\tB\t2015-01-01\t5\tOTHER\t2025-01-01\n" for n in range(rows))
        with connection.cursor().copy('COPY students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, '
                                      '"updatedAt") FROM stdin') as into:
            into.write(text)
        # Shared buffers are in the high-water mark too.
        return memory_kb(pid, "VmHWM") - memory_kb(pid, "RssFile") - memory_kb(pid, "RssShmem") - before


@pytest.mark.parametrize("limit", [1000, 250_000])
def test_a_session(school, limit):
    school.sql("SELECT white_cross.register_worker('away')")
    school.sql(f"ALTER DATABASE {school.database} SET white_cross.max_students_per_transaction = {limit}")
    tracked = peak_of_copy(school, ROWS, "tracked")
    assert bool(school.one("SELECT bool_or(students IS NULL AND n >= 0) FROM white_cross.invalidation")) == (limit < ROWS)
    school.sql("ALTER TABLE students DISABLE TRIGGER white_cross_change")
    plain = peak_of_copy(school, ROWS, "plain")
    print(f"{limit}: {plain} kB without, {tracked} kB with triggers")
    assert tracked - plain <= (ROWS * PER_ROW + min(limit, ROWS) * PER_STUDENT) // 1024 + NOISE_KB


def test_the_worker(school, start_worker, redis_server):
    """Each batch is gone before the next one comes."""
    worker = start_worker(settings={"queue": {"batch_students": 1000}})
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()
        # The first batches show what a batch takes.
        peak_of_copy(school, ROWS // 20, "first")
        cache.until_drained(timeout=60)
        before = memory_kb(worker.pid, "VmHWM")
        peak_of_copy(school, ROWS, "many")
        cache.until_drained(timeout=60)
        assert worker.metrics()["wc_worker_drained_students_total"] >= ROWS
        grown = memory_kb(worker.pid, "VmHWM") - before
    print(f"the worker grew by {grown} kB")
    assert grown <= NOISE_KB
