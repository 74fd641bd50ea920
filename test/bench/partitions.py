"""Summaries, pages and searches of records that are partitioned: by 16 hashes of the student, and by 10 years."""

from district import HERE, rounds_in_turns, table
from placed_words import PLACE
from search import INDEXES, RARE

STATEMENT = (HERE / "summary_statement.sql").read_text().strip()
PICK = "\\set n random(1, :students)\n"
PLAIN = "plain"
HASHES, YEARS = 16, 10

# What is searched for.  Half of all records, the older one, has the word that the latest lack in a fifth of them.
SEARCHES = {"a rare word": "'anaphylaxis'", "the same, highlighted": "'anaphylaxis', highlight => true", "a common word": "'class'",
            "a word that the latest lack": "'alderwick'", "last name": "'garcia'", "first and last name": "'emma smith'",
            "the same, by rank": "'emma smith', \"order\" => 'rank'"}
# How many times as long as of the plain table a search may take.
AT_MOST = {"hashes": 1.5, "years": 2}

# The plain table is moved too: what was updated leaves gaps.
MOVE = """
ALTER TABLE health_records RENAME TO whole;
CREATE TABLE health_records (LIKE whole INCLUDING DEFAULTS) {key};
{parts}
INSERT INTO health_records SELECT * FROM whole;
DROP TABLE whole;
ALTER TABLE health_records ADD PRIMARY KEY ({primary});
SELECT wc_index_statements('public', false) \\gexec
SELECT wc_attach('public');
VACUUM ANALYZE;
CHECKPOINT;
"""


def by_hash():
    parts = [f"CREATE TABLE part{n} PARTITION OF health_records FOR VALUES WITH (MODULUS {HASHES}, REMAINDER {n});" for n in range(HASHES)]
    return MOVE.format(key='PARTITION BY HASH ("studentId")', primary='id, "studentId"', parts="\n".join(parts))


def by_year(last):
    bounds = ["MINVALUE", *(f"'{year}-01-01'" for year in range(last - YEARS + 2, last + 1)), "MAXVALUE"]
    parts = [f"CREATE TABLE part{n} PARTITION OF health_records FOR VALUES FROM ({low}) TO ({high});"
             for n, (low, high) in enumerate(zip(bounds, bounds[1:]))]
    return MOVE.format(key="PARTITION BY RANGE (date)", primary="id, date", parts="\n".join(parts))


def measure(district, quick):
    cluster = district.cluster
    with cluster.connect(district.database) as connection:
        last = connection.execute("SELECT max(extract(year FROM date))::int FROM health_records").fetchone()[0]
    databases = {PLAIN: "plain", f"{HASHES} hashes": "hashes", f"{YEARS} years": "years"}
    cluster.create_database("plain", district.database)
    cluster.psql(f"{INDEXES}\n{RARE};\n{PLACE};\n{MOVE.format(key='', primary='id', parts='')}", "plain")
    for database, moving in (("hashes", by_hash()), ("years", by_year(last))):
        cluster.create_database(database, "plain")
        cluster.psql(moving, database)

    scripts = {
        "summary": (district.script("summary", f"{PICK}SELECT wc_health_summary(student_id(:n));\n"), ""),
        "summary, by queries": (district.script("summary", f"{PICK}SELECT wc_health_summary(student_id(:n));\n"), "-c white_cross.direct_reads=off"),
        "best single statement": (district.script("statement", f"{PICK}{STATEMENT};\n"), ""),
        "page of 20 records by cursor": (district.script("page", f"{PICK}SELECT wc_student_records_after(student_id(:n), NULL, 20);\n"), ""),
        "the same, by queries": (district.script("page", f"{PICK}SELECT wc_student_records_after(student_id(:n), NULL, 20);\n"), "-c white_cross.direct_reads=off"),
        **{f"search, {what}": (district.script(what.replace(" ", "_"), f"SELECT wc_search_health_records({typed});\n"), "")
           for what, typed in SEARCHES.items()},
    }
    seconds, rounds = (1, 1) if quick else (3, 5)
    seen = rounds_in_turns({
        (layout, name): lambda database=database, script=script, settings=settings: district.pgbench(script, 1, seconds, settings, database=database)
        for layout, database in databases.items() for name, (script, settings) in scripts.items()}, rounds)

    def median(values):
        return sorted(values)[len(values) // 2]

    results = {f"{layout}: {name}": {
        "microseconds": 1e6 / median(found),
        "times plain": median([of / one for of, one in zip(seen[PLAIN, name], found)]),
        "rate of the statement": median([one / of for one, of in zip(found, seen[layout, "best single statement"])]),
        **{"at most": most for database, most in AT_MOST.items() if database == databases[layout] and name.startswith("search, ")}}
        for (layout, name), found in seen.items()}
    print("microseconds; times those of the plain table; rate in times that of the best single statement on the same tables")
    heads = next(iter(results.values()))
    table(["", *heads, "times plain, to be at most"], [[name, *(found[head] for head in heads), found.get("at most", "")] for name, found in results.items()])
    for database in databases.values():
        cluster.drop_database(database)
    return results
