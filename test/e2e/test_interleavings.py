"""All orders of {load, commit, invalidate, fill, restart of Redis, …} against the library: nothing stale after what was
acknowledged.  And without each of its cures there is an order in which something is."""

import pytest

import interleavings
from interleavings import SCENARIOS, run
from servers import cures, library

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_order_shows_what_is_stale(redis_server, name):
    outcome = run(redis_server, SCENARIOS[name], library.source())
    print(f"{outcome.orders:,} orders, {outcome.stored:,} values stored, {outcome.found:,} found, of these {outcome.found_directly:,} without Lua "
          f"and {outcome.found_with_a_token:,} with a token")
    assert not outcome.wrong
    assert outcome.orders > 100 and outcome.stored > outcome.orders / 10 and outcome.found > outcome.orders / 10, "it says little"
    assert outcome.found_directly > outcome.orders / 20 and outcome.found_with_a_token > outcome.orders / 50, "it says little"


# Where it shows.
@pytest.mark.parametrize("cure, name", [
    ("fence of a student", "two writers, two readers"),
    ("fence with the removal", "two writers, two readers"),
    ("removal", "two writers, two readers"),
    ("ids by length", "two writers, two readers"),
    ("xmin", "two writers, two readers"),
    ("xmax", "two writers, two readers"),
    ("list of those in progress", "two writers, two readers"),
    ("fence of all", "all students change"),
    ("horizon", "Redis is emptied"),
    ("xmax of the horizon", "Redis is emptied"),
    ("those whom the horizon has seen", "Redis is emptied"),
    ("opening", "Redis is emptied while an epoch is opened"),
    ("liveness", "Redis finds what it has saved"),
    ("liveness of this process", "Redis finds what it has saved"),
    (("age", "horizon"), "fences run out"),  # where no server lags either is enough
    ("horizon", "fences run out, and a standby lags"),
    ("life of the server", "PostgreSQL loses a commit"),
    ("no liveness for a new epoch", "PostgreSQL loses a commit"),
    ("liveness for these servers", "PostgreSQL loses a commit, and a worker's call arrives late"),
    ("name of the run", "Redis finds what it has saved"),
    ("token of a write", "two writers, two readers"),
    ("token of a write", "all students change"),
    ("life of a token", "PostgreSQL gives an id again"),
])
def test_without_a_cure_something_is_stale(redis_server, cure, name):
    assert run(redis_server, SCENARIOS[name], cures.without(*([cure] if isinstance(cure, str) else cure))).wrong


@pytest.mark.parametrize("reader, name", [
    ("ComparesWithNothing", "Redis finds what it has saved"),
    ("TakesNilForTheRun", "Redis finds what it has saved"),
    ("KeepsWhatAnEarlierConnectionWasTold", "Redis finds what it has saved"),
    ("ReadsTheLivenessSecond", "Redis finds what it has saved"),
    ("ReadsTheLivenessSecond", "PostgreSQL loses a commit"),
])
def test_a_client_that_reads_otherwise_finds_what_is_stale(redis_server, reader, name):
    wrong = run(redis_server, SCENARIOS[name], library.source(), getattr(interleavings, reader)).wrong
    assert "MGET" in wrong
