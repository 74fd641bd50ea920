"""The report of a run for people: what it did and found, and whether it proves anything."""

# How often each of these must happen per minute for a run to prove something.
LEAST = {"reads": 20_000, "checked": 10_000, "loads": 500, "stored": 200, "refused": 10, "uncacheable": 3, "acked": 500, "direct_hits": 3000,
         "token_hits": 300, "asked": 500}
# What only one Redis by itself is asked for: see stores.py.
OF_ONE = {"direct_hits"}
LEAST_STROKES = 12
LEAST_FROM_MEMORY = 50
FAILURES_SHOWN = 40


def progress(seconds, totals, strokes, stale):
    return (f"{seconds:5.0f} s  reads {totals['reads']:,}  found {totals['checked']:,}  fills {totals['stored']:,}  "
            f"refused {totals['refused']:,}  transactions {totals['writes']:,}  acknowledged {totals['acked']:,}  "
            f"kills {strokes}  stale {stale}")


def shortcomings(minutes, redis, without, totals, strokes, stale, compared, from_memory):
    """[why the run proves nothing]."""
    if without:
        return [] if stale else [f"without {without} no stale value was found: the torture could not have found one"]
    share = minutes
    least = {name: n * share for name, n in LEAST.items() if redis == "one" or name not in OF_ONE}
    found = [f"only {totals[name]:,} {name}, which should be {n:,.0f} at least" for name, n in least.items() if totals[name] < n]
    if strokes < LEAST_STROKES * share:
        found.append(f"only {strokes} kills")
    if compared == 0:
        found.append("nothing was cached at the end")
    if from_memory < LEAST_FROM_MEMORY * share:
        found.append(f"only {from_memory} summaries from PostgreSQL's shared memory")
    return found


def table(minutes, seed, totals, tally, failed, strokes, stale, compared, lost, from_memory):
    lines = [
        f"{minutes:g} minutes, seed {seed}",
        f"  reads {totals['reads']:,}, of which found in the cache {totals['hits']:,} ({totals['plain_gets']:,} by plain GET, "
        f"{totals['direct_hits']:,} by MGET, {totals['token_hits']:,} with the token of a write), and compared "
        f"with what had been acknowledged {totals['checked']:,}",
        f"  summaries asked of PostgreSQL itself, and compared likewise {totals['asked']:,}; from its shared memory {from_memory:,}, "
        "these and others",
        f"  loaded from PostgreSQL {totals['loads']:,}, stored {totals['stored']:,}, refused {totals['refused']:,}, "
        f"not to be cached {totals['uncacheable']:,}",
        f"  leases {totals['leases']:,}, held by others {totals['lease_held']:,}",
        f"  transactions {totals['writes']:,} (and {totals['failed']:,} that failed), with {totals['rows']:,} acknowledged changes "
        f"in {totals['acked']:,} transactions",
        *(f"      {name}: {n:,}" for name, n in tally.most_common()),
        *(f"      failed, {name}: {n:,}" for name, n in failed.most_common(FAILURES_SHOWN)),
        f"  kills, stops and cuts {sum(strokes.values()):,}",
        *(f"      {name}: {n:,}" for name, n in strokes.most_common()),
        f"  acknowledged changes that a crash of PostgreSQL lost (asynchronous commits): {lost:,}",
        f"  suspects that the judge looked at: {totals['suspects']:,}",
        f"  compared at the end: {compared:,} cached values",
        f"  stale: {stale:,}",
    ]
    return "\n".join(lines)
