"""Schools whose calls are counted, and what the functions say of them.  conftest.py makes one for a test."""

import itertools
import re

import psycopg
import pytest

from school import School

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
EXPORT = "wc_export_health_history('secret-id'::text, 1)"
numbers = itertools.count(1)


def make_school(cluster, name):
    cluster.create_database(name)
    school = School(cluster, name)
    school.attach()
    school.student = school.add_student("secret-id")
    for at in range(12):
        school.add_record(school.student, date=f"2025-0{1 + at % 9}-11 10:00:00", vital='{"height": 130, "weight": 30}')
    school.sql("SELECT wc_stat_reset()")
    return school


def drop(school):
    school.connection.close()
    school.cluster.drop_database(school.database)


def row(school, function="wc_health_summary"):
    names = [column.name for column in school.sql("SELECT * FROM wc_stat_functions LIMIT 0").description]
    return dict(zip(names, school.rows("SELECT * FROM wc_stat_functions WHERE function = %s", function)[0]))


def fails(school, statement, *parameters):
    with pytest.raises(psycopg.Error) as error:
        school.sql(statement, *parameters)
    return error.value.sqlstate


def summaries(school, count):
    school.sql("SELECT wc_health_summary('secret-id'::text) FROM generate_series(1, %s)", count)


def spans(school, most=4096):
    names = "trace_id, parent_id, span_id, function, began_unix_ns, ended_unix_ns, busy_ns, sqlstate, lost_before"
    return [dict(zip(names.split(", "), found)) for found in school.rows(f"SELECT {names} FROM white_cross.take_spans(%s)", most)]


def log_length(school):
    return len(school.cluster.log.read_text())


def slow_lines(school, since):
    return re.findall(r"LOG:  (slow call: .*|\d+ slow calls were suppressed)$", school.cluster.log.read_text()[since:], re.M)
