"""BMI and growth percentiles of a million rows, beside SQL, PL/pgSQL and worker threads."""

import shutil
import subprocess

from district import HERE, in_turns, table
from statement import connected, launched, milliseconds

DATABASE = "growth"
ROWS = 1_000_000
SLOW_SHARE = 100  # the slowest contender reads one row of so many

BMI = {
    "the scan alone": "SELECT sum(height + weight) FROM children",
    "SQL expression": "SELECT sum(round(weight / ((height / 100) * (height / 100)) * 10) / 10) FROM children",
    "wc_bmi": "SELECT sum(wc_bmi(height, weight)) FROM children",
    "PL/pgSQL": "SELECT sum(plpgsql_bmi(height, weight)) FROM children",
}
PERCENTILE = {
    "wc_growth_percentile": "SELECT sum(wc_growth_percentile('bmi', sex, age_months, bmi)) FROM children",
    "the same, sex as an enum": "SELECT sum(wc_growth_percentile('bmi', sex_label, age_months, bmi)) FROM children",
    "wc_growth_zscore": "SELECT sum(wc_growth_zscore('bmi', sex, age_months, bmi)) FROM children",
    "PL/pgSQL, an indexed table": "SELECT sum(plpgsql_percentile('bmi', sex, age_months, bmi)) FROM few",
}


def load(district, rows):
    cluster = district.cluster
    cluster.create_database(DATABASE)
    cluster.psql("CREATE EXTENSION white_cross", DATABASE)
    cluster.psql_file(HERE / "growth.sql", DATABASE, rows=rows, lms=HERE.parents[1] / "src/core/growth/cdc2000_lms.csv")
    cluster.psql(f"CREATE UNLOGGED TABLE few AS SELECT * FROM children LIMIT {rows // SLOW_SHARE}; VACUUM ANALYZE few", DATABASE)


def scaled(connection, statement):
    return milliseconds(connection, statement) * (SLOW_SHARE if " FROM few" in statement else 1)


def worker_threads(rows, rounds):
    node = shutil.which("node")
    done = node and subprocess.run([node, "--max-old-space-size=4096", HERE / "bmi_threads.mjs", str(rows), str(rounds)],
                                   capture_output=True, text=True, check=True)
    return done and float(done.stdout)


def show(title, found, base):
    print(title)
    table(["", "ms", f"times {base}"], [[name, took, took / found[base]] for name, took in found.items()])


def measure(district, quick):
    rows, rounds = (100_000, 3) if quick else (ROWS, 7)
    load(district, rows)
    results = {}
    with connected(district.cluster, DATABASE) as connection:
        def contenders(statements):
            return {name: lambda statement=statement: scaled(connection, statement) for name, statement in statements.items()}

        results["bmi"] = in_turns(contenders(BMI), rounds)
        if (threads := worker_threads(rows, rounds)) is not None:
            results["bmi"]["2 Node worker threads, objects"] = threads
        show(f"BMI of {rows:,} rows, one process", results["bmi"], "wc_bmi")

        # One of them takes a hundred times as long: three rounds tell.
        results["percentile"] = in_turns(contenders(PERCENTILE), min(rounds, 3))
        show(f"percentiles of {rows:,} rows, one process", results["percentile"], "wc_growth_percentile")

        # The process that asks works too: one worker, and two cores are busy.
        name = "wc_growth_percentile"
        results["parallel"] = in_turns({
            "alone": lambda: milliseconds(connection, PERCENTILE[name]),
            "with a parallel worker": lambda: milliseconds(connection, PERCENTILE[name], workers=1)}, rounds)
        show(f"{name} of {rows:,} rows", results["parallel"], "alone")
        results["parallel"]["workers launched"] = launched(connection, PERCENTILE[name], workers=1)
        print(f"parallel workers launched: {results['parallel']['workers launched']}", flush=True)
    return results
