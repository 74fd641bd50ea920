"""The Redis function library, called with whatever its callers could send: other types, counts, bytes and numbers.

It answers, or it refuses in words of its own, before it has done anything.  It never touches a key that the call does not name.
"""

import random
import re

import pytest
import redis

from redis_library import BIG, PUT, P, library, snapshot  # noqa: F401 (a fixture)

SEED = 20251010
CALLS = 3000
# So many calls are made between two looks at everything.
ROUND = 60

OWN = [P, "student:{ada}:", "student::", "student:a:records:1:20:b:"]
VALUES = ["health_summary", "growth_chart", 'records:1:20:{"type":":records:1:20:"}', "records:1:20:{}"]
BESIDE = ["fence", "pages", "health_summary:lease", "health_summary:filling", "records:1:20:{}:lease"]
SHARED = ["wc:fence:all", "wc:epoch", "wc:epoch:of", "wc:epoch:life", "wc:epoch:opening", "wc:horizon", "wc:clock", "wc:alive", "wc:seen"]
# Of students and of others whose keys no call names.  A few of these names are told to the functions as arguments.
OTHERS = [f"student:{who}:{name}" for who in ("bob", "{bob}", "adam", "ad") for name in VALUES + BESIDE] + \
    ["session:1", "fence", "pages", "student", "wc:", "studentada:fence", "{student:ada:}"]

ONLY_READ = {"wc_get", "wc_hello", "wc_sample", "wc_reads"}
FOR_STUDENTS = {"wc_fill", "wc_lease", "wc_invalidate"}
# Those of a cluster's shard and of the stream of events have a test of their own: the first changes what the others call the shared names.
APART = {"wc_cover", "wc_append"}
FUNCTIONS = sorted(ONLY_READ | FOR_STUDENTS | {"wc_fence_all", "wc_open_epoch", "wc_advance", "wc_alive", "wc_note"})

TEXTS = ["", " ", "0", "1", "-1", "7", "300", "60000", "+5", "0x10", "1e3", "1e400", "nan", "inf", "-inf", "1.5", "007", "9" * 15, "9" * 16,
         "9" * 19, "9" * 400, str(2**63), str(2**64), "5,6,7", "5,,6", ",5", "5,", "1:1:@0", "5:5:5@1#7.1.1", "9:1:@1", "1:1:" + "7," * 500 + "@1",
         "7.1.1.1", "7.1.1", "o", "these servers", "these servers tagged", "\0", "a\0b", "\r\n", "%s%d%n", "[1", "{", '{"v":1}', "é", "x" * 5000,
         b"\xff\xfe", b"\xed\xa0\x80", b"\x80" * 9, 0, -1, 2**31, -2**63, 1.5, *OTHERS[:6], *SHARED, P, P + "fence"]
NAMES = [prefix + name for prefix in OWN for name in VALUES + BESIDE] + OWN + SHARED
# A key that a call names may be anything, as long as it is not one of the others.
ODD_NAMES = ["", " ", "0", "-1", "student:", "student:ada", "other:7", "other:health_summary", b"student:\xff:health_summary", "student:\0:fence",
             "student:ada:records:" + "9" * 400 + ":1:", ":records:1:20:" * 50, "student:x" + ":records:1:20:[" * 50]


def likely(draw, function):
    """Arguments in the right number and nearly right: one of them is then often replaced."""
    key = draw.choice(OWN) + draw.choice(VALUES)
    xids = lambda: draw.choice(["5", "5,6", str(BIG), ""])  # noqa: E731
    prefixes = draw.sample(OWN, draw.randint(1, 3))
    return {
        "wc_get": ([key], [draw.choice(["", "7.1.1.1"])]),
        "wc_hello": ([key], []),
        "wc_sample": ([key], []),
        "wc_reads": ([], []),
        "wc_fill": ([key], ["v", "300", snapshot(5, 9, 7)]),
        "wc_lease": ([key], ["1000", "", "3"]),
        "wc_invalidate": (prefixes, ["60000", *(word for _ in prefixes for word in (str(draw.randint(0, 15)), xids())),
                                     *draw.choice([[], [snapshot(1, 1)]])]),
        "wc_fence_all": (["wc:fence:all"], ["60000", "5,6"]),
        "wc_open_epoch": (["wc:epoch"], ["o", snapshot(1, 1), "these servers", "60000"]),
        "wc_advance": (["wc:horizon"], [snapshot(1, 1), "1" + "9" * 14, "60000", "these servers"]),
        "wc_alive": (["wc:alive"], ["1" + "9" * 14, "these servers", snapshot(1, 1), P]),
        "wc_note": ([draw.choice(["wc:clock", "wc:epoch:opening"])], ["0"]),
    }[function]


def drawn_call(draw):
    function = draw.choice(FUNCTIONS)
    keys, arguments = likely(draw, function)
    if draw.random() < 0.15:
        keys, arguments = [draw.choice(NAMES + ODD_NAMES) for _ in range(draw.randint(0, 3))], []
    if draw.random() < 0.3 and keys:
        keys[draw.randrange(len(keys))] = draw.choice(NAMES + ODD_NAMES)
    for _ in range(draw.choice([0, 0, 1, 1, 2])):
        change = draw.randrange(4)
        if change == 0 and arguments:
            arguments.pop(draw.randrange(len(arguments)))
        elif change == 1:
            arguments.insert(draw.randint(0, len(arguments)), draw.choice(TEXTS))
        elif change == 2 and arguments:
            # The value is not touched: a numeral as a key, a key as a numeral.
            arguments[draw.randrange(len(arguments))] = draw.choice(TEXTS)
        elif change == 3:
            keys.append(draw.choice(NAMES))
    return function, keys, arguments


def as_bytes(word):
    return word if isinstance(word, bytes) else str(word).encode()


def is_named(function, keys, key):
    """Whether the call may make, change or remove this key."""
    if function in ONLY_READ:
        return False
    if function not in FOR_STUDENTS:
        # An epoch that opens takes the liveness away; the others write the key that they name.
        return key in {b"wc:" + end for end in (b"epoch", b"epoch:of", b"epoch:life", b"epoch:opening", b"horizon", b"alive", b"clock", b"seen",
                                               b"fence:all")}
    if function == "wc_invalidate":
        ends = rb"(fence|pages|(health_summary|growth_chart|records:.*)(:lease)?)"
        return key == b"wc:seen" or any(re.fullmatch(re.escape(as_bytes(prefix)) + ends, key, re.S) for prefix in keys)
    named = as_bytes(keys[0])
    pages = re.match(rb"student:.*?:(?=records:)", named, re.S)
    is_pages = function == "wc_fill" and pages and named.startswith(key[:-5]) and key.endswith(b":pages")
    return bool(is_pages) or key == named + b":lease" or function == "wc_fill" and key == named


def put(client, key, draw):
    client.delete(key)
    draw.choice(list(PUT.values()))(client, key)


def plant(draw, client):
    """Keys of every type under every name, and sets of pages that name what is not theirs."""
    client.flushall()
    for number, key in enumerate(OTHERS):
        PUT[list(PUT)[number % len(PUT)]](client, key)
        if number % 3 == 0:
            client.pexpire(key, 10**9)
    for prefix in OWN:
        for name in draw.sample(VALUES + BESIDE, 4):
            put(client, prefix + name, draw)
        if draw.random() < 0.5:
            client.delete(prefix + "pages")
            client.sadd(prefix + "pages", *OTHERS[:12], *(prefix + name for name in VALUES))
    for key in draw.sample(SHARED, 3):
        put(client, key, draw)
    if draw.random() < 0.7:
        client.mset({"wc:epoch:opening": "o", "wc:clock": "0"})


def state(client, names):
    """Content and end of life of keys, in one round trip."""
    with client.pipeline(transaction=False) as all_at_once:
        for name in names:
            all_at_once.dump(name)
            all_at_once.execute_command("PEXPIRETIME", name)
        return all_at_once.execute()


def assert_clean(call, error):
    """A refusal in our words, not Redis's report of where a script broke; a sentence, without what the caller sent."""
    text = str(error)
    assert re.match(rf"{call[0]}: [a-z][\w ,.:;{{}}()=-]+", text) and "script" not in text and "user_function" not in text, (call, text)
    assert len(text) < 250 and text.isprintable(), (call, text)


@pytest.fixture
def raw(redis_server, library):  # noqa: F811
    with redis_server.connect(decode_responses=False) as client:
        yield client


def test_calls_of_every_kind_are_answered_or_refused_and_touch_nobody_else(raw):
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    answered, refused = {function: 0 for function in FUNCTIONS}, {function: 0 for function in FUNCTIONS}
    for number in range(CALLS):
        if number % ROUND == 0:
            plant(draw, raw)
            before = state(raw, OTHERS)
            calls = []
        call = drawn_call(draw)
        calls.append(call)
        function, keys, arguments = call
        with raw.pipeline(transaction=True) as at_once:
            at_once.keys("*")
            at_once.execute_command("FCALL", function, len(keys), *keys, *arguments)
            at_once.keys("*")
            old, answer, new = at_once.execute(raise_on_error=False)
        touched = {key for key in set(old) ^ set(new) if not is_named(function, keys, key)}
        assert not touched, (call, touched)
        if isinstance(answer, redis.ResponseError):
            assert_clean(call, answer)
            # A loader that is refused is done all the same: the next one need not wait for its lease.
            lease = {as_bytes(keys[0]) + b":lease"} if function == "wc_fill" and keys else set()
            assert set(old) - lease == set(new) - lease, (call, "refused, and yet it has done something")
            refused[function] += 1
        else:
            answered[function] += 1
        if number % ROUND == ROUND - 1:
            after = state(raw, OTHERS)
            assert after == before, [(name, calls) for name, *was in zip(OTHERS, before[::2], after[::2]) if was[0] != was[1]]
    assert all(count > CALLS // 100 for count in answered.values()), answered
    assert all(count > CALLS // 100 for function, count in refused.items() if function != "wc_reads"), refused


@pytest.mark.parametrize("call", [
    ("wc_get", []), ("wc_hello", []), ("wc_sample", []), ("wc_lease", [], "10"), ("wc_fill", [], "v", "300", "1:1:@0"), ("wc_invalidate", [], "60000"),
    ("wc_lease", ["session:1"], "10"), ("wc_lease", [P + "health_summary"], "9" * 20), ("wc_fill", [P + "health_summary"], "v", "9" * 20, "1:1:@0"),
    ("wc_fill", [P + "health_summary"], "v", "1e300", "1:1:@0"), ("wc_fill", [P + "records:1:20:{}"], "v", "9" * 15, "1:1:@0"),
    ("wc_invalidate", [P], "9" * 30, "7", "5"), ("wc_invalidate", ["session:"], "60000", "7", "5"), ("wc_fence_all", ["wc:fence:all"], "9" * 30, "5"),
    ("wc_alive", ["wc:alive"], "9" * 400, "these servers", "1:1:@0"), ("wc_advance", ["wc:horizon"], "1:1:@0", "9" * 400, "1", "these servers"),
], ids=str)
def test_what_redis_would_refuse_half_way_is_refused_before_anything_is_done(library, call):  # noqa: F811
    function, keys, *arguments = call
    before = library.client.keys("*")
    with pytest.raises(redis.ResponseError) as refusal:
        library.client.execute_command("FCALL", function, len(keys), *keys, *arguments)
    assert_clean(call, refusal.value)
    assert library.client.keys("*") == before


STREAM = "white_cross:changes"
SLOTS = ["", "0", "0-16383", "0-99,101,200-5460", ",", "1,,2", "5-1", "1-", "-1", "-", "16384", "0-16384", "0-99999999999999", "9" * 400, "1e3", "0x10", "a"]
EVENT = ["ada", "student", "7", "2025-11-27T10:00:00.5Z"]


def apart_call(draw):
    if draw.random() < 0.5:
        function, keys, arguments = "wc_cover", [draw.choice(["wc:alive:{5}"] * 4 + [draw.choice(["wc:alive", *ODD_NAMES])])], [str(draw.randint(0, 9)), "these servers", draw.choice(SLOTS)]
    else:
        function, keys, arguments = "wc_append", [draw.choice([STREAM, STREAM, draw.choice(OTHERS)])], ["100", *EVENT * draw.randint(1, 3)]
    for _ in range(draw.choice([0, 0, 0, 1, 2])):
        arguments[draw.randrange(len(arguments))] = draw.choice(TEXTS + SLOTS)
    if draw.random() < 0.1:
        arguments.pop()
    return function, keys[:0 if draw.random() < 0.05 else None], arguments


def test_shards_and_events_are_answered_or_refused_and_touch_nobody_else(raw, library):  # noqa: F811
    """In time, too: no number may keep Redis busy."""
    draw, answers = random.Random(SEED), {(function, answer): 0 for function in APART for answer in (True, False)}
    plant(draw, raw)
    raw.set("wc:epoch:of:{5}", "these servers")
    raw.connection_pool.connection_kwargs["socket_timeout"] = 20
    raw.connection_pool.disconnect()
    for _ in range(CALLS // 3):
        function, keys, arguments = call = apart_call(draw)
        names = sorted({*OTHERS, STREAM, "wc:epoch:of:{5}"} - set(keys if function == "wc_append" else []))
        before = [raw.keys("*"), state(raw, names)]
        try:
            answer = raw.execute_command("FCALL", function, len(keys), *keys, *arguments)
            assert answer in (0, 1) if function == "wc_cover" else answer == len(arguments) // 4
        except redis.ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):  # of the stream's name, which the worker's own setting gives
                assert_clean(call, error)
            answer = None
        answers[function, answer is not None] += 1
        assert state(raw, names) == before[1], call
        assert {key for key in set(raw.keys("*")) ^ set(before[0])} <= {as_bytes(key) for key in keys if function == "wc_append"}, call
    assert min(answers.values()) > CALLS // 60, answers


def test_every_function_of_the_library_is_under_fire(library):  # noqa: F811
    (_, _, _, _, _, functions), = library.client.execute_command("FUNCTION", "LIST", "LIBRARYNAME", "white_cross")
    assert sorted(dict(zip(function[::2], function[1::2]))["name"] for function in functions) == sorted({*FUNCTIONS, *APART})
