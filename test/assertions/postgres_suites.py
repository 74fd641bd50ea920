#!/usr/bin/python3
"""PostgreSQL's own regression and isolation tests, beside the attached extension and without it: the same must pass.

    test/assertions/postgres_suites.py SOURCE

SOURCE is the source tree of the PostgreSQL that PG_CONFIG names, its test suites built (test/assertions/build_postgres).
Ends with: N passed, N failed, where a test that passes without the extension and fails beside it has failed.
"""

import re
import subprocess
import sys
from pathlib import Path

from servers import Cluster, Ground
from servers.cluster import pg_config
from servers.ground import BUILD
from servers.process import own

# What these tests print is a list of every object of its kind in the database, or of every lock, ours among them.
LIST_ALL_OBJECTS = {"alter_table", "event_trigger", "opr_sanity"}

# The tests know their database by name.
DATABASES = {"regress": "regression", "isolation": "isolation_regression"}

LINE = re.compile(r"^(?:test\s+|\s+)(?P<name>\S+)\s+\.\.\. (?P<result>ok|FAILED|failed)"
                  r"|^(?P<new_result>ok|not ok)\s+\d+\s+[-+]\s+(?P<new_name>\S+)")


def attach(cluster, database):
    with cluster.connect(database) as connection:
        connection.execute("CREATE SCHEMA wc_functions")
        connection.execute("CREATE EXTENSION white_cross SCHEMA wc_functions")
        connection.execute("CREATE SCHEMA wc_tables")
        connection.execute("SELECT wc_functions.wc_create_tables('wc_tables')")
        connection.execute("SELECT wc_functions.wc_attach('wc_tables')")
        connection.execute("INSERT INTO white_cross.worker (name) VALUES ('beside')")


def run(cluster, program, suite, source, output, how):
    """{test: passed} of one suite, in its database, which is there already."""
    # The server writes there too: COPY TO a file, tablespaces.
    for path in (output, output / "results", output / "testtablespace"):
        path.mkdir(parents=True, exist_ok=True)
        own(path)
    folder = source / "src/test" / suite
    schedule = folder / ("parallel_schedule" if suite == "regress" else "isolation_schedule")
    done = subprocess.Popen(
        [Path(pg_config("pgxs")).parents[1] / "test" / suite / program, f"--inputdir={folder}", f"--outputdir={output}",
         f"--bindir={cluster.bin}", f"--dlpath={folder}", f"--host={cluster.sockets}", f"--port={cluster.port}",
         f"--user={cluster.superuser}", f"--dbname={DATABASES[suite]}", "--use-existing", "--max-connections=4",
         f"--schedule={schedule}"],
        cwd=output, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    results = {}
    for line in done.stdout:
        if match := LINE.match(line):
            name = match["name"] or match["new_name"]
            results[name] = "ok" in (match["result"], match["new_result"])
            print(f"  {how}: {name} {'ok' if results[name] else 'differs'}", flush=True)
    done.wait()
    return results


def compare(source):
    passed = failed = 0
    for suite, program in (("regress", "pg_regress"), ("isolation", "pg_isolation_regress")):
        results = {}
        for how in ("without", "beside"):
            settings = {"shared_preload_libraries": "$libdir/white_cross"} if how == "beside" else {}
            with Ground(f"test/postgres-{suite}-{how}", say=print) as ground, \
                    Cluster(ground, settings=settings | {"fsync": "off"}) as cluster:
                cluster.create_database(DATABASES[suite])
                if how == "beside":
                    attach(cluster, DATABASES[suite])
                results[how] = run(cluster, program, suite, source, BUILD / "test" / "postgres" / f"{suite}-{how}", how)
                crashed = re.findall(r"terminated by signal \d+.*|TRAP: .*", Path(cluster.log).read_text(errors="replace"))
                for line in crashed:
                    print(f"  {how}: {line}")
                failed += len(crashed) if how == "beside" else 0
        worse = {name for name, good in results["without"].items() if good and not results["beside"].get(name, False)}
        unexpected = sorted(worse - LIST_ALL_OBJECTS)
        print(*(f"failed: PostgreSQL's {suite}: {name}" for name in unexpected), sep="\n")
        print(f"{suite}: {len(results['without'])} tests; differ only beside the extension: {sorted(worse) or 'none'}; "
              f"of these not lists of all objects: {unexpected or 'none'}", flush=True)
        passed += len(results["without"]) - len(unexpected)
        failed += len(unexpected) + (len(results["without"]) == 0)
    return passed, failed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    passed, failed = compare(Path(sys.argv[1]))
    print(f"\n{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
