"""Searches for words by their place in time: only in old records, only in new ones, everywhere, and pairs that come together or never.

It changes most of the records, so it comes after all that wants them as they were loaded.
"""

from district import in_turns, table
from search import INDEXES, milliseconds

# Each word is in a tenth of all records.
PLACED = {
    "only old": ("alderwick", "h % 5 = 0 AND old"),
    "only new": ("birchmere", "h % 5 = 0 AND NOT old"),
    "everywhere": ("cedarholt", "h % 10 = 1"),
    "a pair that comes together": ("dogwell elmstead", "h % 10 = 2"),
    "never together, one": ("firbank", "h % 10 = 3"),
    "never together, other": ("gorsefield", "h % 10 = 4"),
}
PLACE = f"""UPDATE health_records AS r SET notes = concat_ws(' ', r.notes, {", ".join(f"CASE WHEN {where} THEN '{words}' END" for words, where in PLACED.values())})
    FROM (SELECT id, abs(hashtext(id)) % 1000 AS h, date < (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY date) FROM health_records) AS old
          FROM health_records) AS p WHERE p.id = r.id AND (p.h % 5 = 0 OR p.h % 10 BETWEEN 1 AND 4)"""
TYPED = {"only old": "alderwick", "only new": "birchmere", "everywhere": "cedarholt", "a pair, always together": "dogwell elmstead",
         "a pair, never together": "firbank gorsefield", "part of a name, two letters": "ar"}


def measure(district, quick):
    district.cluster.psql(f"{INDEXES}\n{PLACE};\nVACUUM ANALYZE students, health_records;", district.database)
    rounds, times = (1, 3) if quick else (3, 21)
    results = {}
    with district.cluster.connect(district.database) as direct, district.cluster.connect(district.database) as queries:
        queries.execute("SET white_cross.direct_reads = off")
        for name, typed in TYPED.items():
            ways = {"directly": (direct, times), "by queries": (queries, 1)}
            contenders = {way: lambda connection=connection, often=often: milliseconds(
                connection, ["SELECT wc_search_health_records(%(typed)s)"], {"typed": typed}, often)
                for way, (connection, often) in ways.items()}
            results[name] = in_turns(contenders, rounds)
    print("milliseconds for a page of 20")
    table(["", "directly", "by queries"], [[name, found["directly"], found["by queries"]] for name, found in results.items()])
    return results
