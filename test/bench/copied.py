"""COPY of a million records: the memory that it takes in the server's process, and then in the worker."""

import re
from pathlib import Path

from burst import peak_memory_mb, queue_is_empty
from district import table
from servers import Worker, until

ROWS = 1_000_000
TRIGGERS = "white_cross_change"


def copy(district, rows, students):
    """The most memory of its own that a session had which copied so many records of so many students."""
    with district.cluster.connect(district.database) as connection:
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS nothing ()")
        pid = connection.info.backend_pid
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        peak = 0
        with connection.cursor().copy('COPY health_records (id, type, date, description, "updatedAt", "studentId") FROM stdin') as into:
            for n in range(rows):
                into.write_row((f"copied-{n}", "CHECKUP", "2025-10-10", "Checkup", "2025-10-10", f"c{n % students + 1:024d}"))
        status = Path(f"/proc/{pid}/status").read_text()
        peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) - int(re.search(r"RssShmem:\s+(\d+)", status)[1])
    return peak / 1024


def measure(district, quick):
    rows = ROWS // 10 if quick else ROWS
    results = {}
    with district.cluster.connect(district.database) as connection:
        for name, switch in (("without triggers of ours", "DISABLE"), ("with white_cross", "ENABLE ALWAYS")):
            connection.execute(f"ALTER TABLE health_records {switch} TRIGGER {TRIGGERS}")
            with Worker(district.ground, district.cluster.dsn(district.database), district.redis, "copied",
                        settings={"log": {"level": "warning"}}) as worker:
                until(lambda: queue_is_empty(connection), 120, "the queue to be empty", 0.01)
                backend = copy(district, rows, district.students)
                until(lambda: queue_is_empty(connection), 120, "the queue to be empty", 0.01)
                results[name] = {"session's peak MB": backend, "worker's peak MB": peak_memory_mb(worker.pid)}
            connection.execute("DELETE FROM health_records WHERE id LIKE 'copied-%'")
            connection.execute("VACUUM health_records")
            connection.execute("SELECT white_cross.unregister_worker('copied')")
    print(f"{rows:,} records of {district.students:,} students in one COPY")
    table(["", *next(iter(results.values()))], [[name, *found.values()] for name, found in results.items()])
    return results
