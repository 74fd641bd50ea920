"""Keys that have one of our names, but another type or content without sense. They stop nobody."""

import itertools
import json
import signal

import pytest
import redis

from redis_library import BIG, FENCE_MS, GROWTH, PUT, RECORDS, SUMMARY, P, library, snapshot  # noqa: F401 (a fixture)
from school import Cache
from servers import until

PAGE = P + "records:1:20:{}"
VALUES = [P + "health_summary", P + "growth_chart", PAGE]
BESIDE = [P + "fence", P + "pages", *(value + end for value in VALUES for end in (":lease", ":filling"))]
SHARED = ["wc:fence:all", "wc:epoch", "wc:epoch:of", "wc:epoch:life", "wc:epoch:opening", "wc:horizon", "wc:clock", "wc:alive"]
WAS_MISFIT, LOST_PAGES, MORE = 8, 16, 32


def put(client, key, type):
    """Writes the key in one transaction, because a worker may renew or repair it at any time."""
    with client.pipeline(transaction=True) as all_at_once:
        all_at_once.delete(key)
        PUT[type](all_at_once, key)
        all_at_once.type(key)
        assert all_at_once.execute()[-1] == type


# ---- the library by itself ----

@pytest.mark.parametrize("type", PUT)
def test_whatever_stands_under_a_students_names_the_student_is_invalidated(library, type):  # noqa: F811
    for key in VALUES + BESIDE:
        library.client.delete(*library.client.keys("student:*"), "none")
        for value in VALUES:
            assert library.fill(snapshot(5, 5), key=value) == 1
        put(library.client, key, type)
        answer = library.invalidate(10, kinds=SUMMARY | RECORDS | GROWTH)
        is_wrong = key == P + "fence" and type != "string" or key == P + "pages" and type != "set"
        assert bool(answer & WAS_MISFIT) == is_wrong, key
        left = set(library.client.keys("student:*")) - {key for key in BESIDE if key.endswith(":filling")}
        if key == P + "pages":
            assert left <= {P + "fence", PAGE} and bool(answer & LOST_PAGES) == (type != "set")
        else:
            assert left == {P + "fence"}
        assert library.client.type(P + "fence") == "string" and 0 < library.client.pttl(P + "fence") <= FENCE_MS
        for value in VALUES:
            assert library.fill(snapshot(10, 10), key=value) == 0
        if not (key == P + "fence" and type == "string"):
            assert all(library.fill(snapshot(11, 11), key=value) == 1 for value in VALUES)


@pytest.mark.parametrize("type", [type for type in PUT if type != "string"])
@pytest.mark.parametrize("fence", [P + "fence", "wc:fence:all"])
def test_a_fence_that_was_written_over_keeps_out_what_it_kept_out(library, fence, type):  # noqa: F811
    """20 was fenced before it was lost, then came 10."""
    raise_fence = {P + "fence": library.invalidate,
                   "wc:fence:all": lambda *xids: library.call("wc_fence_all", "wc:fence:all", FENCE_MS, ",".join(map(str, xids)))}[fence]
    raise_fence(20)
    put(library.client, fence, type)
    assert library.fill(snapshot(11, 21, 20)) == 0, "nobody has mended it yet"
    assert library.fill(snapshot(30, 30)) == 0, "nobody has mended it yet"
    raise_fence(10)
    assert library.fill(snapshot(11, 21, 20)) == 0
    assert library.fill(snapshot(21, 21)) == 1


def test_a_fence_that_was_written_over_after_the_library_was_loaded_anew_keeps_everything_out(library):  # noqa: F811
    """The library cannot know then what had been fenced."""
    library.invalidate(20)
    code = library.client.execute_command("FUNCTION", "LIST", "WITHCODE")[0]
    library.client.execute_command("FUNCTION", "LOAD", "REPLACE", code[code.index("library_code") + 1])
    put(library.client, P + "fence", "list")
    library.invalidate(10)
    assert library.fill(snapshot(BIG, BIG)) == 0
    assert library.client.pttl(P + "fence") <= FENCE_MS
    assert library.fill(snapshot(BIG, BIG), key="student:grace:health_summary") == 1


@pytest.mark.parametrize("text", ["planted", "x" * 5000, "", "1;2;3", ";", "5;x"])
@pytest.mark.parametrize("fence", [P + "fence", "wc:fence:all"])
def test_an_invalid_fence_expires_like_a_fence(library, fence, text):  # noqa: F811
    library.client.set(fence, text)
    for xid in range(10, 500):
        library.invalidate(xid) if fence == P + "fence" else library.call("wc_fence_all", fence, FENCE_MS, str(xid))
    assert library.fill(snapshot(499, 499)) == 0
    assert 0 < library.client.pttl(fence) <= FENCE_MS
    if fence == "wc:fence:all":
        assert library.fill(snapshot(500, 500)) == 1, "that one is everybody's, and mended at once"


@pytest.mark.parametrize("fence", [P + "fence", "wc:fence:all"])
def test_a_fence_without_sense_that_is_too_long_keeps_out_what_was_added_to_it(library, fence):  # noqa: F811
    library.client.set(fence, "x" * 600)
    library.invalidate(20) if fence == P + "fence" else library.call("wc_fence_all", fence, FENCE_MS, "20")
    assert library.fill(snapshot(11, 21, 20)) == 0
    assert library.fill(snapshot(21, 21)) == 1


@pytest.mark.parametrize("type", [type for type in PUT if type != "string"])
def test_an_opening_that_was_written_over_opens_nothing(library, type):  # noqa: F811
    put(library.client, "wc:epoch:opening", type)
    assert library.call("wc_open_epoch", "wc:epoch", "o", snapshot(11, 11), "these servers", FENCE_MS) == 0


def test_a_page_that_would_be_forgotten_is_not_stored(library):  # noqa: F811
    put(library.client, P + "pages", "string")
    assert library.fill(snapshot(5, 5), key=PAGE) == 0
    assert not library.client.exists(PAGE)


@pytest.mark.parametrize("type", PUT)
@pytest.mark.parametrize("key", SHARED)
def test_whatever_stands_under_a_shared_name_no_call_fails(library, key, type):  # noqa: F811
    put(library.client, key, type)
    assert library.invalidate(10) == 0
    library.fill(snapshot(11, 11))
    library.call("wc_get", P + "health_summary")
    library.renew_liveness()
    library.call("wc_advance", "wc:horizon", snapshot(11, 11), library.now() // 1000 + 1000, FENCE_MS, "these servers")
    library.call("wc_fence_all", "wc:fence:all", FENCE_MS, "10")
    assert library.open_epoch(snapshot(11, 11)) == 1
    library.client.set("wc:clock", 1_760_000_000_000_000 - library.now())
    assert library.fill(snapshot(11, 11)) == 1


def test_many_pages_are_removed_in_bounded_steps(library):  # noqa: F811
    """Redis serves the others between them: 300,000 took it more than 5 s at once."""
    count = 20_000
    pages = [P + f"records:{n}:20:{{}}" for n in range(count)]
    with library.client.pipeline(transaction=False) as pipe:
        for n in range(0, count, 1000):
            pipe.mset({page: "{}" for page in pages[n:n + 1000]})
            pipe.sadd(P + "pages", *pages[n:n + 1000])
        pipe.execute()
    steps = 0
    left = count
    while True:
        steps += 1
        answer = library.invalidate(10, kinds=RECORDS)
        assert answer & RECORDS or left == 0
        assert library.fill(snapshot(10, 10), key=pages[0]) == 0, "the fence stands from the first step on"
        now = library.client.scard(P + "pages")
        assert left - now <= 2000
        left = now
        if not answer & MORE:
            break
    assert steps == count // 2000 + 1 and library.client.keys("student:*") == [P + "fence"]


def test_the_bound_is_that_of_a_call_not_of_a_student(library):  # noqa: F811
    students = [f"student:{n}:" for n in range(3)]
    for prefix in students:
        library.client.sadd(prefix + "pages", *(f"{prefix}records:{n}:20:{{}}" for n in range(1500)))
    answer = library.client.execute_command("FCALL", "wc_invalidate", 3, *students, FENCE_MS, *[RECORDS, 10] * 3)
    assert [bool(bits & MORE) for bits in answer] == [False, True, True]


def test_ids_that_look_like_keys_have_a_fence_of_their_own(library):  # noqa: F811
    """Every name of every such id against the fence of every other: a fill meets that of its own student and no other."""
    parts = ["a", ":records:1:20:", "{}", '{"b":"', "b", ":fence", ":health_summary"]
    ids = {"".join(some) for length in range(4) for some in itertools.product(parts, repeat=length)}
    ids = sorted(id for id in ids if "{" != id[:1])[:150]
    names = ["health_summary", "growth_chart", "records:1:20:{}", 'records:1:20:{"b":":records:1:20:{}"}', 'records:2:20:{"b":"\\"}"}']
    unambiguous = 0
    for id in ids:
        prefix = f"student:{id}:"
        library.client.delete(*library.client.keys("student:*"), "none")
        for name in names:
            assert library.fill(snapshot(10, 10), key=prefix + name) == 1, prefix + name
        library.invalidate(10, prefix=prefix, kinds=7)
        assert library.client.keys("student:*") == [prefix + "fence"]
        for name in names:
            assert library.fill(snapshot(10, 10), key=prefix + name) == 0, prefix + name
            unambiguous += 1
    assert unambiguous > 500


@pytest.mark.parametrize("name", ["fence", "pages", "health_summary:lease", "health_summary:filling", "records:1:20:fence", "records:1:20:{}:lease"])
def test_what_is_beside_the_values_cannot_be_filled(library, name):  # noqa: F811
    with pytest.raises(redis.ResponseError, match="not a key of a student"):
        library.fill(snapshot(5, 5), key="student:a:records:1:20:b:" + name)


@pytest.mark.parametrize("servers, own, other", [("these", "student:ada:", "student:{ada}:"), ("these tagged", "student:{ada}:", "student:ada:")])
def test_a_key_that_no_invalidation_reaches_is_neither_filled_nor_found(library, servers, own, other):  # noqa: F811
    assert library.open_epoch(snapshot(1, 1, began=0), servers=servers) == 1
    assert library.renew_liveness(servers=servers) == 1
    for name in "health_summary", "growth_chart", "records:1:20:{}":
        assert library.fill(snapshot(5, 5), key=own + name) == 1
        assert library.call("wc_get", own + name)
        with pytest.raises(redis.ResponseError, match="cluster_keys"):
            library.fill(snapshot(5, 5), key=other + name)
        library.client.set(other + name, "by hand")
        assert library.call("wc_get", other + name) is None


def test_wc_get_finds_nothing_for_students_that_liveness_excepts(library):  # noqa: F811
    assert library.fill(snapshot(5, 5)) == 1 and library.fill(snapshot(5, 5), key=PAGE) == 1
    grace = "student:grace:health_summary"
    assert library.fill(snapshot(5, 5), key=grace) == 1
    library.renew_liveness(but=[P])
    assert [library.call("wc_get", key) is None for key in (P + "health_summary", PAGE, grace)] == [True, True, False]
    library.renew_liveness()
    assert library.call("wc_get", PAGE) == library.call("wc_get", grace) == '{"v":1}'


# ---- with a worker ----

def change(school, *students):
    school.sql("UPDATE students SET grade = '6' WHERE id = ANY (%s)", list(students))


def test_a_misfit_does_not_stop_invalidations_of_others(school, worker, cache):
    """Every type under every name, one student each, all in one batch."""
    keys = ["health_summary", "growth_chart", "records:1:20:{}", "fence", "pages", "health_summary:lease", "health_summary:filling"]
    client = cache.client
    cases = [(key, type) for key in keys for type in PUT]
    students = [school.add_student() for _ in range(len(cases) + 1)]
    *odd, sound = students
    cache.until_drained()
    for student, (key, type) in zip(odd, cases):
        cache.plant(cache.key(student, "records:1:20:{}"), cache.key(student))
        client.sadd(cache.key(student, "pages"), cache.key(student, "records:1:20:{}"))
        put(client, cache.key(student, key), type)
    cache.plant_summary(sound)
    before = worker.metrics()["wc_worker_misfit_keys_total"]
    change(school, *students)
    cache.until_invalidated(cache.key(sound))
    for student, case in zip(odd, cases):
        # A set that does not name a page is one of an application that stores it by hand.
        pages = [] if case == ("pages", "set") else [cache.key(student, "records:1:20:{}")]
        cache.until_invalidated(cache.key(student), *pages)
        assert client.type(cache.key(student, "fence")) == "string"
    cache.until_drained()
    # Five types under each of two names.
    assert worker.metrics()["wc_worker_misfit_keys_total"] == before + 10
    assert len([line for line in worker.warnings() if "names of student:ID: or wc:" in line]) == 1
    assert worker.healthy() and worker.failures("redis") == 0
    assert not any(student in line for line in worker.warnings() for student in students)


def test_shared_names_are_mended_without_a_change(school, start_worker, redis_server):
    worker = start_worker(settings={"queue": {"poll_interval_ms": 50}, "invalidate": {"fence_ttl_s": 3600}})
    cache = Cache(redis_server.connect(), school)
    student = school.add_student()
    cache.until_drained()
    until(lambda: cache.load(student) == 1, 10, "a fill")
    client = cache.client
    for key in SHARED:
        for type in PUT:
            if key == "wc:epoch:opening":
                continue
            put(client, key, type)
            until(lambda: cache.load(student) == 1 and client.execute_command("FCALL", "wc_get", 1, cache.key(student)), 20,
                  f"values to be stored and found again after a {type} under {key}")
    assert worker.failures("redis") == 0 and worker.healthy()


def test_a_life_without_sense_does_not_keep_a_worker_away(school, start_worker, redis_server):
    """Nor where the worker mends everybody's fence, which lives for so long, before it has seen to the epoch."""
    with redis_server.connect() as client:
        for life in "soon", "9" * 18, "-1":
            worker = start_worker(name=f"worker-{life[:4]}", enter=False)
            client.mset({"wc:epoch:life": life, "wc:fence:all": "0;5"})
            with worker:
                student = school.add_student()
                cache = Cache(client, school)
                until(lambda: cache.load(student) == 1, 20, "a fill")
                assert worker.failures("redis") == 0
                assert 0 < client.pttl("wc:fence:all") <= 86_400_000, "mended, for as long as a life can be configured"


def test_an_enormous_set_of_pages(school, worker, cache):
    student, other = school.add_student(), school.add_student()
    cache.until_drained()
    count = 300_000
    with cache.client.pipeline(transaction=False) as pipe:
        for n in range(0, count, 5000):
            pages = [cache.key(student, f"records:{i}:20:{{}}") for i in range(n, n + 5000)]
            pipe.sadd(cache.key(student, "pages"), *pages)
            pipe.mset({page: "{}" for page in pages[:100]})
        pipe.execute()
    cache.plant_summary(student, other)
    change(school, student, other)
    cache.until_invalidated(cache.key(student), cache.key(other))
    until(lambda: not cache.client.exists(cache.key(student, "pages")), 30, "all pages to be gone")
    cache.until_drained()
    assert not list(cache.client.scan_iter(cache.key(student, "records:*"), count=10_000))
    assert worker.failures("redis") == 0


def test_a_full_redis_stops_no_invalidation(school, start_worker, redis_server):
    """noeviction, as it is to be: nothing new can be stored, and what is stale goes."""
    with redis_server.connect() as client:
        worker = start_worker()
        cache = Cache(client, school)
        students = [school.add_student() for _ in range(100)]
        cache.until_drained()
        assert all(cache.load(student) == 1 for student in students)
        client.config_set("maxmemory", 1)
        try:
            with pytest.raises(redis.ResponseError, match="OOM|maxmemory"):
                cache.load(students[0])
            until(lambda: found(cache, students[1]), 10, "what was stored before to be found")
            change(school, *students[:50])
            until(lambda: not client.exists(*map(cache.key, students[:50])), 10, "what is stale to be gone")
            worker.restart()
            until(lambda: found(cache, students[99]), 10, "wc_get to find the others after a takeover")
            school.sql("SELECT wc_invalidate_all()")
            until(lambda: not client.exists(*map(cache.key, students)), 10, "all of it to be gone")
            cache.until_drained()
        finally:
            client.config_set("maxmemory", 0)
        until(lambda: cache.load(students[0]) == 1 and found(cache, students[0]), 10, "values to be stored and found again")
        assert worker.failures("redis") == 0 and worker.healthy()


def test_a_batch_that_redis_refuses_is_halved_until_the_culprit_stands_alone(school, worker, cache):
    """A fence as long as a text can be takes no id more: that is a fault of no type."""
    students = [school.add_student() for _ in range(40)]
    cache.until_drained()
    longest = int(cache.client.config_get("proto-max-bulk-len")["proto-max-bulk-len"])
    cache.client.config_set("proto-max-bulk-len", 1 << 20)
    try:
        cache.client.set(cache.key(students[17], "fence"), "0" * (1 << 20))
        cache.plant_summary(*students)
        change(school, *students)
        cache.until_invalidated(*map(cache.key, students))
        cache.until_drained()
    finally:
        cache.client.config_set("proto-max-bulk-len", longest)
    assert cache.client.strlen(cache.key(students[17], "fence")) < 100
    assert worker.metrics()["wc_worker_misfit_keys_total"] == 1
    assert worker.failures("redis") == 0 and worker.healthy()


def refuse(cache, student):
    """Makes Redis refuse the student's removals.  Returns the library's code of before."""
    code = cache.client.execute_command("FUNCTION", "LIST", "WITHCODE")[0]
    code = code[code.index("library_code") + 1]
    start = "    local existed = {}\n    local most_pages"
    assert code.count(start) == 1
    cure = f"    for _, key in ipairs(keys) do\n if key == '{cache.key(student, '')}' then\n return redis.error_reply('ERR \\27[31m broken') end end\n"
    cache.client.execute_command("FUNCTION", "LOAD", "REPLACE", code.replace(start, cure + start))
    return code


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_line_of_a_refused_change_names_its_trace(school, start_worker, redis_server, form):
    """And no other trace of its batch; the line of a change that nobody traces names none."""
    worker = start_worker(settings={"log": {"format": form}})
    with redis_server.connect() as client:
        cache = Cache(client, school)
        cache.until_drained()
        beside, traced, untraced = (school.add_student() for _ in range(3))
        cache.until_drained()
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        code = refuse(cache, traced)
        worker.send(signal.SIGSTOP)
        for student, of in (beside, trace[::-1]), (traced, trace):
            school.psql(f"BEGIN; SELECT set_config('white_cross.traceparent', '00-{of}-00f067aa0ba902b7-01', true); "
                        f"UPDATE students SET grade = '7' WHERE id = '{student}'; COMMIT")
        worker.send(signal.SIGCONT)
        until(lambda: school.rows("SELECT student FROM white_cross.set_aside") == [(traced,)], 10, "the change to be set aside")
        client.execute_command("FUNCTION", "LOAD", "REPLACE", code)
        refuse(cache, untraced)
        change(school, untraced)
        until(lambda: len(school.rows("SELECT student FROM white_cross.set_aside")) == 2, 10, "the other one as well")
        client.execute_command("FUNCTION", "LOAD", "REPLACE", code)
    lines = [line for line in worker.log.read_text().splitlines() if "it is set aside" in line]
    assert len(lines) == 2
    if form == "json":
        assert [json.loads(line).get("trace_id") for line in lines] == [trace, None] and "trace_id" not in json.loads(lines[0])["message"]
    else:
        assert lines[0].endswith(f" trace_id={trace}") and "trace_id" not in lines[1]


def test_a_student_whom_redis_refuses_for_ever_is_set_aside(school, worker, cache):
    """Until it is taken again: in the log, a metric, /healthz and wc_diagnose; wc_get finds nothing of it, and finds other students."""
    students = [school.add_student() for _ in range(10)]
    refused, *others = students
    for student in students:
        until(lambda: cache.load(student) == 1, 10, "a fill")
    until(lambda: found(cache, refused), 10, "wc_get to find it again")
    code = refuse(cache, refused)
    cache.plant_summary(*students)
    (old,) = school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", refused)
    change(school, *students)
    cache.until_invalidated(*map(cache.key, others))
    cache.until_drained()
    assert cache.is_planted(cache.key(refused)), "what cannot be removed is there"
    assert school.rows("SELECT student, sections FROM white_cross.set_aside") == [(refused, 1)]
    assert worker.metrics()["wc_worker_set_aside_students"] == 1
    until(lambda: not worker.healthy(), 10, "the alarm")
    assert json.loads(worker.get("/healthz")[1])["set_aside_students"] == 1
    assert [line for line in worker.warnings() if "ERR \\x1b[31m broken" in line and refused not in line]
    ((status, detail),) = school.rows("""SELECT status, detail FROM wc_diagnose() WHERE "check" = 'set aside'""")
    assert status == "fail" and "1 students" in detail and refused not in detail
    until(lambda: cache.load(others[0]) == 1 and found(cache, others[0]), 10, "others to be stored and found")
    assert found(cache, refused) is None, "liveness excepts it"
    assert cache.client.execute_command("FCALL", "wc_fill", 1, *old) == 0, "a value from before the change"
    # Another worker takes it up.
    cache.client.execute_command("FUNCTION", "LOAD", "REPLACE", code)
    worker.restart()
    cache.until_invalidated(cache.key(refused))
    until(worker.healthy, 10, "the end of the alarm")
    assert school.rows("SELECT * FROM white_cross.set_aside") == []
    until(lambda: cache.load(refused) == 1 and found(cache, refused), 10, "it to be served again")


def found(cache, student):
    return cache.client.execute_command("FCALL", "wc_get", 1, cache.key(student))
