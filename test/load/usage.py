"""What the parts use while the load runs: processor time, and connections."""

import os
import threading
from pathlib import Path

from servers.process import children

TICKS = os.sysconf("SC_CLK_TCK")


def seconds_of(pid, with_ended_children=False):
    """Returns the processor time of a process, user and system, in seconds; 0 of one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # proc(5): utime and stime are fields 14 and 15, those of waited-for children 16 and 17; the state is field 3
    return sum(map(int, fields[11:15 if with_ended_children else 13])) / TICKS


class Usage:
    """`with` begins to look, once a second, and ends.  service: a Service."""

    def __init__(self, service, generator=None):
        self._service = service
        self._generator = generator
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._problem = None
        self._generator_seconds = 0.0  # at the last look: it ends before this does
        self.samples = []

    def __enter__(self):
        self._before = self._processor_times()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._after = self._processor_times()
        if self._problem:
            raise self._problem

    def _processor_times(self):
        """{part: seconds}"""
        service = self._service
        cluster = sum(map(seconds_of, children(service.cluster.pid))) + seconds_of(service.cluster.pid, with_ended_children=True)
        return {"PostgreSQL": cluster, "PgBouncer": seconds_of(service.pooler.pid), "Redis": seconds_of(service.redis.pid),
                 "worker": seconds_of(service.worker.pid), "API (Node)": seconds_of(service.api.pid)}

    def _watch(self):
        try:
            with self._service.pooler.connect("pgbouncer") as console, self._service.cluster.connect(self._service.database) as database:
                while not self._stop.wait(1):
                    self.samples.append(self._sample(console, database))
        except Exception as problem:  # raised again by the thread that waits
            self._problem = problem

    def _sample(self, console, database):
        self._generator_seconds = max(self._generator_seconds, seconds_of(self._generator) if self._generator else 0.0)
        cursor = console.execute("SHOW POOLS")
        names = [column.name for column in cursor.description]
        pools = [dict(zip(names, row)) for row in cursor.fetchall()]
        ours = [pool for pool in pools if pool["database"] == self._service.database]
        backends, active = database.execute(
            "SELECT count(*), count(*) FILTER (WHERE state = 'active') FROM pg_stat_activity WHERE usename = 'wc_api'").fetchone()
        return {"clients": sum(int(pool["cl_active"]) for pool in ours), "waiting": sum(int(pool["cl_waiting"]) for pool in ours),
                "connections": backends, "active": active}

    def summary(self):
        """{"connections", "active", "clients", "waiting": the most that was seen, "processor": {part: seconds}}; None where none was taken."""
        most = {name: max((sample[name] for sample in self.samples), default=None) for name in ("connections", "active", "clients", "waiting")}
        processor = {part: self._after[part] - before for part, before in self._before.items()}
        return most | {"processor": processor | ({"load generator": self._generator_seconds} if self._generator else {})}
