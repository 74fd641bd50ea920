"""What opaque ids cost: keys and entries of the cache with and without them, in one session that changes sides slice by slice."""

import statistics
from pathlib import Path

from district import table
from servers import until
from servers.process import own

STATEMENTS = {
    "wc_cache_key": "SELECT count(wc_cache_key(id, 'health_summary')) FROM (SELECT id FROM students LIMIT 1000) AS s",
    "wc_cache_entries": "SELECT count(value) FROM wc_cache_entries(ARRAY(SELECT id FROM students LIMIT 200))",
}


def turn(connection, value):
    connection.execute(f"ALTER SYSTEM SET white_cross.opaque_keys = {value}")
    connection.execute("SELECT pg_reload_conf()")
    until(lambda: connection.execute("SHOW white_cross.opaque_keys").fetchone()[0] == value, 10)


def nanoseconds(pid):
    """Of the processor, as the kernel's scheduler counts them: what others do on the machine is not in it."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def measure(district, quick):
    secret = district.ground.folder_for("opaque") / "secret"
    secret.write_text("s" * 43 + "\n")
    secret.chmod(0o640)
    own(secret)
    spent = {(name, side): [] for name in STATEMENTS for side in ("off", "on")}
    with district.cluster.connect(district.database) as connection:
        pid = connection.info.backend_pid
        connection.execute(f"ALTER SYSTEM SET white_cross.key_secret_file = '{secret}'")
        for at in range(11 if quick else 41):
            for side in ("off", "on"):
                turn(connection, side)
                for name, statement in STATEMENTS.items():
                    before = nanoseconds(pid)
                    things = sum(connection.execute(statement).fetchone()[0] for _ in range(10))
                    if at > 0:  # the first round fills the session's caches
                        spent[name, side].append((nanoseconds(pid) - before) / things)
        turn(connection, "off")
    results = {}
    for name in STATEMENTS:
        off, on = (statistics.median(spent[name, side]) / 1000 for side in ("off", "on"))
        results[name] = {"off us": off, "on us": on, "more us": on - off, "of off": on / off}
    print("microseconds of the server's CPU for a key, or for an entry; opaque ids off and on")
    table(["", "off", "on", "more", "of off"], [[name, *(f"{found[what]:.2f}" for what in found)] for name, found in results.items()])
    return results
