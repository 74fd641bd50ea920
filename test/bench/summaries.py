"""wc_health_summary beside the best hand-written statement, the same in PL/pgSQL, and SELECT 1."""

from district import HERE, in_turns, table

STATEMENT = (HERE / "summary_statement.sql").read_text().strip()
PICK = "\\set n random(1, :students)\n"
BATCH = 100


def plpgsql_function():
    body = STATEMENT.replace("student_id(:n)", "id_of_student")
    return (f"CREATE OR REPLACE FUNCTION statement_in_plpgsql(id_of_student text) RETURNS json LANGUAGE plpgsql STABLE "
            f"PARALLEL SAFE AS $f$ BEGIN RETURN ({body}); END $f$;")


def measure(district, quick):
    district.cluster.psql(plpgsql_function(), district.database)
    scripts = {
        "SELECT 1": district.script("select_1", "SELECT 1;\n"),
        "best single statement": district.script("statement", f"{PICK}{STATEMENT};\n"),
        "the same in PL/pgSQL": district.script("plpgsql", f"{PICK}SELECT statement_in_plpgsql(student_id(:n));\n"),
        "wc_health_summary": district.script("summary", f"{PICK}SELECT wc_health_summary(student_id(:n));\n"),
    }
    by_queries = "wc_health_summary, by queries (RLS)"
    batch = f"wc_health_summaries of {BATCH}"
    batch_script = district.script(
        "batch", f"{PICK}SELECT student_id, summary FROM wc_health_summaries(ARRAY("
                 f"SELECT student_id((:n + i * 7919) % :students + 1) FROM generate_series(1, {BATCH}) i));\n")
    seconds, rounds = (1, 1) if quick else (4, 5)

    results = {}
    for clients in (1, 2, 8):
        contenders = {name: lambda script=script: district.pgbench(script, clients, seconds)
                      for name, script in scripts.items()}
        contenders[by_queries] = lambda: district.pgbench(
            scripts["wc_health_summary"], clients, seconds, settings="-c white_cross.direct_reads=off")
        contenders[batch] = lambda: district.pgbench(batch_script, clients, seconds) * BATCH
        results[f"{clients} clients"] = in_turns(contenders, rounds)

    base = "best single statement"
    print("summaries a second (times the best single statement)")
    table(["", *results],
          [[name, *[f"{found[name]:,.0f} ({found[name] / found[base]:.2f})" for found in results.values()]]
           for name in next(iter(results.values()))])
    return results
