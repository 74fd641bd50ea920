"""How long one statement takes, in one process or shared by parallel workers."""

import contextlib
import time


@contextlib.contextmanager
def connected(cluster, database):
    """A connection that plans every statement anew.

    Left to itself psycopg prepares what was run five times, and goes on with the plan of that time: a statement that was
    planned for one process would not hear of workers that are allowed later.
    """
    with cluster.connect(database, prepare_threshold=None) as connection:
        yield connection


def allow_workers(connection, most):
    """At most so many, also for tables that the planner would take for too small."""
    connection.execute(f"SET max_parallel_workers_per_gather = {most}")
    for name, value in {"min_parallel_table_scan_size": 0, "parallel_setup_cost": 0, "parallel_tuple_cost": 0}.items():
        connection.execute(f"SET {name} = {value}" if most else f"RESET {name}")


def milliseconds(connection, statement, workers=0):
    allow_workers(connection, workers)
    started = time.perf_counter()
    connection.execute(statement).fetchall()
    return (time.perf_counter() - started) * 1000


def launched(connection, statement, workers):
    """How many parallel workers really came."""
    allow_workers(connection, workers)
    (plan,) = connection.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}").fetchone()
    return sum(node.get("Workers Launched", 0) for node in nodes(plan[0]["Plan"]))


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)
