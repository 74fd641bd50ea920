"""Statements that take turns: what slices.cpp prints, read."""

import statistics
import subprocess

from servers.ground import BUILD

SLICES = BUILD / "bench" / "slices"
SLICE_MS = 40
CLIENTS = 1, 2, 8

# A new server process maps each page of the shared buffers when it first touches it, which takes longer than reading a summary.
# With eight processes on two cores that goes on for many seconds.  A server whose clients stay connected knows it only at its start.
SECONDS_FOR_CLIENTS = {1: 1, 2: 1, 8: 3}


def slices(environment, clients, seconds, students, statements):
    """{name: {rounds, server µs, client µs}} of statements, as {name: (settings, statement)} or {name: (settings, statement, connection string)}.

    Runs `seconds`, or a multiple for many clients.  The first half of the rounds is not among those that it returns; the times are
    the mean of all.
    """
    arguments = [part for name, (setup, sql, *connection) in statements.items() for part in (name, *(connection or [""]), setup, sql)]
    done = subprocess.run(
        [str(SLICES), str(clients), str(seconds * SECONDS_FOR_CLIENTS[clients]), str(SLICE_MS), str(students), *arguments],
        env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"slices gave {done.returncode}:\n{done.stderr}")
    found = {}
    for line in done.stdout.splitlines():
        name, server, client, rounds = line.split("\t")
        runs = [int(n) for n in rounds.split()]
        found[name] = {"rounds": runs[len(runs) // 2:], "server us": float(server) / sum(runs) * 1e6,
                       "client us": float(client) / sum(runs) * 1e6}
    return found


def share(found, name, base):
    """Returns the median, over all rounds, of one figure divided by the other figure of the same round."""
    return statistics.median(one / of for one, of in zip(found[name]["rounds"], found[base]["rounds"]) if of)


def a_second(found, name):
    return statistics.median(found[name]["rounds"]) / (SLICE_MS / 1000)
