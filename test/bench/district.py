"""What the benchmarks run against: a cluster that keeps its promises to the disk, and 20,000 students."""

import contextlib
import re
import statistics
import subprocess
import time
from pathlib import Path

from servers import Cluster, Redis

HERE = Path(__file__).resolve().parent
STUDENTS = 20_000


class District(contextlib.ExitStack):
    """Servers with data; `database` has the tables of the demo with 20,000 students and 800,000 records."""

    database = "district"

    def __init__(self, ground, quick, most_students=STUDENTS, shared_buffers="1GB"):
        super().__init__()
        self.ground = ground
        self.students = 2_000 if quick else STUDENTS
        self.most_students = most_students
        self.shared_buffers = shared_buffers

    def __enter__(self):
        super().__enter__()
        self.cluster = self.enter_context(Cluster(self.ground, settings={
            "fsync": "on", "shared_buffers": self.shared_buffers, "max_wal_size": "4GB", "checkpoint_timeout": "30min",
            "shared_preload_libraries": "$libdir/white_cross",
            # What is measured is reading; who measures the summaries in shared memory turns them on.
            "white_cross.summary_cache": "off",
            "max_connections": 100}))
        self.redis = self.enter_context(Redis(self.ground, settings={"notify-keyspace-events": "KA"}))
        started = time.monotonic()
        print(f"loading {self.students:,} students …", end=" ", flush=True)
        self.cluster.create_database(self.database)
        self.cluster.psql("CREATE EXTENSION white_cross; SELECT wc_create_tables('public', indexes => false);", self.database)
        self.cluster.psql_file(HERE.parents[1] / "demo/students.sql", self.database, students=self.students)
        self.cluster.psql_file(HERE / "peers.sql", self.database)
        self.cluster.psql("SELECT wc_index_statements('public', false) \\gexec\nSELECT wc_attach('public');", self.database)
        self.cluster.psql("VACUUM ANALYZE; CHECKPOINT;", self.database)
        print(f"{time.monotonic() - started:.0f} s", flush=True)
        return self

    def pgbench(self, script, clients, seconds, settings="", variables=(), database=None, warm_up=0):
        """Transactions a second of a script, each client with a prepared statement of its own.

        The first `warm_up` of the seconds are not counted: a new server process makes its caches and maps its memory in them.
        """
        options = [part for name, value in variables for part in ("-D", f"{name}={value}")]
        environment = self.cluster.environment(database or self.database)
        if settings:
            environment["PGOPTIONS"] = settings
        done = subprocess.run(
            [str(self.cluster.bin / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)),
             "-T", str(seconds), "-P", "1", "-D", f"students={self.students}", *options, "-f", str(script)],
            env=environment, capture_output=True, text=True)
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        each_second = [float(tps) for tps in re.findall(r"^progress: [\d.]+ s, ([\d.]+) tps", done.stderr, re.M)]
        if done.returncode != 0 or not found or len(each_second) < warm_up:
            raise RuntimeError(f"pgbench {script} {settings} of {clients} clients gave {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return statistics.mean(each_second[warm_up:]) if warm_up else float(found[1])

    @contextlib.contextmanager
    def writers(self, script, clients, a_second):
        """Clients that run a script at a steady rate, until the block is left."""
        process = subprocess.Popen(
            [str(self.cluster.bin / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-T", "3600", "-R", str(a_second),
             "-D", f"students={self.students}", "-f", str(script)],
            env=self.cluster.environment(self.database), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError(f"pgbench {script} ended:\n{process.stderr.read()}")
        finally:
            process.kill()
            process.communicate()

    def script(self, name, text):
        path = self.ground.folder / f"{name}.pgbench"
        path.write_text(text)
        return path


def rounds_in_turns(contenders, rounds):
    """{name: measure()} → {name: [a measure of each round]}; in each round every contender has its turn."""
    seen = {name: [] for name in contenders}
    for turn in range(rounds):
        # Round by round the other way round, so that none always follows the same one.
        for name in list(contenders)[:: 1 if turn % 2 == 0 else -1]:
            seen[name].append(contenders[name]())
    return seen


def in_turns(contenders, rounds):
    """{name: measure()} → {name: median of its rounds}."""
    return {name: statistics.median(values) for name, values in rounds_in_turns(contenders, rounds).items()}


def shares(seen, base):
    """Of what rounds_in_turns found: {name: median of what it is of `base` in the same round}.  For a machine whose speed
    drifts from round to round."""
    return {name: statistics.median(value / of for value, of in zip(values, seen[base])) for name, values in seen.items()}


def table(heads, rows):
    """Prints rows under heads, columns aligned."""
    lines = [heads, *[[cell if isinstance(cell, str) else f"{cell:,.2f}" if cell < 100 else f"{cell:,.0f}"
                       for cell in row] for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    for line in lines:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))), flush=True)
