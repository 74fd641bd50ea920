"""The jsonb form of each function that reads: the same values, once, by everybody who could call the other."""

import json
import socket
import struct

import psycopg
import pytest

from counted import SAMPLED, row, spans
from every_call import calls
from own_ids import ID_TYPES, OwnSchool
from school import attached_school

# Its values are stored in the cache as they are.
NOT_FOR_PEOPLE = {"wc_cache_entries"}
FORM = "_jsonb"


READING = """
SELECT p.proname, oidvectortypes(p.proargtypes), pg_get_function_result(p.oid), pg_get_function_arguments(p.oid),
       p.proisstrict, p.proparallel::text, p.prorows, p.procost, p.prosrc
FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'public'::regnamespace AND l.lanname = 'c' AND p.prokind = 'f' AND p.provolatile = 's' AND pg_get_function_result(p.oid) ~ 'json'"""


def test_every_function_that_reads_has_one(school):
    """With the same arguments, defaults and properties."""
    read = {(name, types): rest for name, types, *rest in school.rows(READING) if name not in NOT_FOR_PEOPLE}
    forms = {key: rest for key, rest in read.items() if key[0].endswith(FORM)}
    assert forms == {(name + FORM, types): [result.replace("json", "jsonb"), *rest]
                     for (name, types), (result, *rest) in read.items() if not name.endswith(FORM)}
    assert len({name for name, _ in forms}) >= 13


@pytest.fixture(scope="module", params=ID_TYPES)
def own(request, cluster):
    school = OwnSchool(cluster, f"jsonb_{request.param}", request.param)
    with school.connection:
        for n in range(3):
            school.add(n)
            for day in range(9):
                school.measure(n, f"2025-0{1 + day}-11", f'{{"height": {130 + day}.50, "weight": 30, "temperature": 37.0}}', type=["CHECKUP", "VACCINATION"][day % 2])
        yield school


def values(school, call):
    """The rows as they are but for the time of an export, which is another one at each call."""
    def lasting(members):
        return {name: value for name, value in members.items() if name != "exportDate"}

    return [text and json.loads(text, object_hook=lasting) for text, in school.rows(f"SELECT to_json(f)::text FROM {call} AS f")]


@pytest.mark.parametrize("direct_reads", ["on", "off"])
def test_it_has_the_values_of_the_other_form(own, direct_reads):
    own.sql(f"SET white_cross.direct_reads = {direct_reads}")
    ways = calls(own, own.id_type)
    compared = set()
    for signature, forms in ways.items():
        name = signature.partition("(")[0]
        if not name.endswith(FORM):
            continue
        of_other = ways[signature.replace(FORM, "", 1)]
        for call in [*of_other, *(form.replace(FORM, "", 1) for form in forms)]:
            for id in own.key(1), own.key(77):
                given = call.replace("{id}", f"'{id}'::{own.id_type}")
                given_form = given.replace("(", f"{FORM}(", 1)
                expected = values(own, given)
                assert values(own, given_form) == expected, given
                compared.add((name, len(expected) > 0))
    assert {name for name, has_rows in compared if has_rows} == {signature.partition("(")[0] for signature in ways if FORM + "(" in signature}


def test_a_search(school):
    student = school.add_student()
    school.add_record(student, description="a fever")
    found = school.one("SELECT wc_search_health_records_jsonb('fever', highlight => true)")
    assert found == school.one("SELECT wc_search_health_records('fever', highlight => true)") and found["pagination"]["total"] == 1
    assert school.one("SELECT wc_search_health_records_jsonb(NULL)") is None


def test_what_json_cannot_do(school):
    for n in range(6):
        school.add_student(f"s{n}")
        school.add_allergy(f"s{n}", f"a{n}", allergen=["Milk", "Nuts"][n % 2])
    of_all = "wc_vaccinations_jsonb(id)"
    assert school.rows(f"SELECT DISTINCT {of_all} FROM students") == [([],)]
    assert school.rows(f"SELECT {of_all}, count(*) FROM students GROUP BY 1") == [([], 6)]
    assert school.rows(f"SELECT {of_all} FROM students UNION SELECT {of_all} FROM students") == [([],)]
    assert school.rows(f"SELECT {of_all} FROM students INTERSECT SELECT '[]'") == [([],)]
    assert school.rows("SELECT wc_student_allergies_jsonb(id) -> 0 -> 'allergen' AS of, count(*) FROM students GROUP BY 1 ORDER BY 1") == [("Milk", 3), ("Nuts", 3)]
    assert len(school.rows("SELECT DISTINCT summary FROM wc_health_summaries_jsonb('{s0,s1,s1,s0}')")) == 2
    assert school.rows("SELECT id FROM students WHERE wc_health_summary_jsonb(id) @> '{\"allergies\": [{\"allergen\": \"Nuts\"}]}' ORDER BY 1") == [("s1",), ("s3",), ("s5",)]
    with pytest.raises(psycopg.errors.UndefinedFunction):
        school.sql("SELECT DISTINCT wc_vaccinations(id) FROM students")


@pytest.mark.parametrize("number", ["37.0", "1e3", "0.1000", "123456789012345678901234567890", "-0"])
def test_numbers_keep_their_value(school, number):
    student = school.add_student()
    school.add_record(student, vital=f'{{"temperature": {number}}}')
    assert school.one("SELECT wc_health_summary_jsonb(%s)::text = (wc_health_summary(%s)::jsonb)::text", student, student)
    assert f'"temperature": {number if number not in ("1e3", "-0") else {"1e3": "1000", "-0": "0"}[number]}' in school.one("SELECT wc_recent_vitals_jsonb(%s)::text", student)


def test_a_set_that_is_read_in_part(school):
    student = school.add_student()
    for _ in range(20):
        school.add_record(student)
    chunks = school.rows("SELECT wc_export_health_history_jsonb(%s, 5) LIMIT 3", student)
    assert [chunk["type"] for chunk, in chunks] == ["student", "records", "records"] and len(chunks[1][0]["records"]) == 5
    whole = school.rows("SELECT student_id, chunk FROM wc_export_health_histories_jsonb(%s, 5)", [student])
    assert [chunk["type"] for _, chunk in whole][-1] == "end" and {id for id, _ in whole} == {student}
    assert school.one("SELECT wc_import_health_history(jsonb_agg(chunk), 'skip') FROM wc_export_health_histories_jsonb(%s) ", [student])["records"]["skipped"] == 20


def test_it_counts_as_the_same_function(counted):
    counted.sql("SELECT set_config('white_cross.traceparent', %s, false)", SAMPLED)
    counted.sql("SELECT wc_health_summary_jsonb('secret-id'), wc_health_summary('secret-id')")
    counted.sql("SELECT wc_export_health_history_jsonb('secret-id', 1) LIMIT 2")
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        counted.sql("SELECT wc_student_records_jsonb('secret-id', 0)")
    assert row(counted)["calls"] == 2 and row(counted, "wc_export_health_history")["calls"] == 1
    assert (row(counted, "wc_student_records")["calls"], row(counted, "wc_student_records")["errors"]) == (1, 1)
    assert [span["function"] for span in spans(counted)] == ["wc_health_summary", "wc_health_summary", "wc_export_health_history", "wc_student_records"]
    assert counted.rows("SELECT function FROM wc_stat_functions WHERE function LIKE '%jsonb%'") == []


def test_from_shared_memory(preloaded_cluster):
    """What is kept is the text; both forms are served from it."""
    school = attached_school(preloaded_cluster, "jsonb_warm")
    with school.connection:
        student = school.add_student()
        school.add_allergy(student)
        wanted = school.one("SELECT wc_health_summary(%s)", student)
        before = school.one("SELECT hits FROM wc_stat_cache")
        assert school.one("SELECT wc_health_summary_jsonb(%s)", student) == wanted
        assert school.one("SELECT wc_health_summary_jsonb(%s, '{growth}')", student) == school.one("SELECT wc_health_summary(%s, '{growth}')", student)
        assert [summary for summary, in school.rows("SELECT summary FROM wc_health_summaries_jsonb(%s)", [student, "nobody"])] == [wanted, None]
        assert school.one("SELECT hits FROM wc_stat_cache") >= before + 4
    preloaded_cluster.drop_database("jsonb_warm")


def test_a_call_by_the_protocol_of_functions_gets_the_declared_type(school):
    """Such a call has no expression that tells the types, and must not pass text off as jsonb."""
    school.add_record(school.add_student(), description="a fever")
    oid = school.one("SELECT 'wc_search_health_records_jsonb'::regproc::oid::int8")
    wanted = school.one("SELECT wc_search_health_records_jsonb('fever', NULL, 1, 20, 'date', false)::text")
    assert json.loads(wanted)["pagination"]["total"] == 1
    assert call_directly(school, oid, ["fever", None, "1", "20", "date", "f"]) == wanted


def call_directly(school, oid, arguments):
    """Sends a FunctionCall message of the protocol, with text for each argument, over a connection of its own."""

    def message(kind, body):
        return kind + struct.pack("!i", len(body) + 4) + body

    with socket.socket(socket.AF_UNIX) as server:
        server.connect(f"{school.cluster.sockets}/.s.PGSQL.{school.cluster.port}")
        stream = server.makefile("rwb")
        stream.write(message(b"", struct.pack("!i", 3 << 16) + f"user\0postgres\0database\0{school.database}\0\0".encode()))
        values = b"".join(struct.pack("!i", -1) if one is None else struct.pack("!i", len(one)) + one.encode() for one in arguments)
        stream.write(message(b"F", struct.pack("!ihh", oid, 0, len(arguments)) + values + struct.pack("!h", 0)))
        stream.flush()
        while True:
            kind, (length,) = stream.read(1), struct.unpack("!i", stream.read(4))
            body = stream.read(length - 4)
            if kind == b"V":
                return body[4:].decode()
            assert kind in b"RSKZN", (kind, body)
