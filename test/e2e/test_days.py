"""A day is a whole day, in the zone of white_cross.time_zone: east and west, where clocks skip midnight, show it twice, or skip a day."""

import json
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import psycopg
import pytest

from own_ids import OwnSchool

# Zones, and days on which something happens there.
DAYS = {
    "UTC": ["2025-06-30"],
    "Europe/Berlin": ["2025-03-30", "2025-10-26", "2025-06-30"],
    "America/Los_Angeles": ["2025-03-09", "2025-11-02", "1999-12-31"],
    "America/Havana": ["2024-03-10", "2024-11-03"],      # midnight is skipped, and shown twice
    "America/Sao_Paulo": ["2018-11-04", "2018-02-18"],   # midnight is skipped; 23 o'clock is shown twice
    "America/Nuuk": ["2024-03-30", "2024-03-31"],        # the last hour of the day is skipped
    "Pacific/Apia": ["2011-12-29", "2011-12-30", "2011-12-31"],  # the second never was
    "America/Goose_Bay": ["2010-11-07"],                 # a minute after midnight clocks go back to the day before
    "Pacific/Kiritimati": ["2025-06-30"],
    "Asia/Kathmandu": ["2025-06-30"],
    "Africa/Monrovia": ["1972-01-07"],                   # the first 44.5 minutes are skipped
}
MILLISECOND = timedelta(milliseconds=1)


def begin_of(day, zone):
    """The first instant at which clocks show the day, or one after it: by looking at each half minute."""
    at = datetime.combine(day - timedelta(days=2), datetime.min.time(), timezone.utc)
    while at.astimezone(zone).date() < day:
        at += timedelta(minutes=30)
    at -= timedelta(minutes=30)
    while at.astimezone(zone).date() < day:
        at += timedelta(seconds=30)
    return at


def vital(weight):
    return json.dumps({"height": 140, "weight": weight})


@pytest.fixture(scope="module", params=["timestamp(3)", "timestamptz", "date"])
def school(request, cluster):
    school = OwnSchool(cluster, f"days_{request.param.split('(')[0]}", "bigint", request.param)
    school.time_type = request.param
    with school.connection:
        # What a session calls midnight is nobody's business.
        school.sql("SET timezone = 'Asia/Tokyo'")
        school.sql("SET datestyle = 'ISO, DMY'")
        yield school


@pytest.fixture(params=[(zone, day) for zone in DAYS for day in DAYS[zone]], ids=" ".join)
def here(request, school):
    zone, day = request.param
    school.sql("TRUNCATE students CASCADE")
    school.sql(f"SET white_cross.time_zone = '{zone}'")
    school.add(1)
    yield ZoneInfo(zone), date.fromisoformat(day)
    school.sql("RESET white_cross.time_zone")


def test_what_is_in_a_day(school, here):
    zone, day = here
    begin, end = begin_of(day, zone), begin_of(day + timedelta(days=1), zone)
    if school.time_type == "date":
        records = {n: day + timedelta(days=n) for n in range(-2, 3)}
        is_within = {n: (n >= 0, n <= 0) for n in records}
        if begin == end:
            return  # a date that never was there: nobody can have been measured on it
    else:
        records = dict(enumerate((begin - timedelta(hours=5), begin - MILLISECOND, begin, begin + MILLISECOND, end - MILLISECOND, end,
                                  end + timedelta(hours=5)), 10))
        records = {n: at for n, at in records.items() if at not in [records[m] for m in range(10, n)]}  # of a day that never was
        is_within = {n: (at >= begin, at < end) for n, at in records.items()}
    for n, at in records.items():
        # A column without zone holds UTC.
        school.measure(1, at.replace(tzinfo=None) if school.time_type == "timestamp(3)" else at, vital(30 + n))
    def weights_of(answer):
        return {record["vital"]["weight"] for record in answer["records"]}

    text = day.isoformat()
    for filters, wanted in (({"dateFrom": text}, {30 + n for n in records if is_within[n][0]}),
                            ({"dateTo": text}, {30 + n for n in records if is_within[n][1]}),
                            ({"dateFrom": text, "dateTo": text}, {30 + n for n in records if all(is_within[n])})):
        assert weights_of(school.of("wc_student_records", 1, 1, 50, json.dumps(filters))) == wanted, filters
        assert weights_of(school.of("wc_student_records_after", 1, None, 50, json.dumps(filters))) == wanted, filters
        cached = school.one("SELECT value FROM wc_cache_entries('{1}'::bigint[], ARRAY[%s])", f"records:1:50:{json.dumps(filters)}")
        assert weights_of(cached) == wanted, filters
    # As text in any form that the server reads, and as a date.
    last = max(30 + n for n in records if is_within[n][1])
    first = min((30 + n for n in records if is_within[n][0]))
    for given in text, day, day.strftime("%d.%m.%Y"), day.strftime("%Y%m%d"), day.strftime("%d %B %Y"):
        assert school.of("wc_latest_bmi", 1, given)[2] == pytest.approx(last / 1.4**2), given
        trend = school.of("wc_vital_trend", 1, "weight", given)
        assert (trend["min"], trend["points"]) == (first, sum(begins for begins, _ in is_within.values())), given
        for direct in "on", "off":
            school.sql(f"SET white_cross.direct_reads = {direct}")
            row, = school.rows("SELECT category, counted_at FROM wc_growth_prevalence('5', %s, '1 month')", given)
            assert row == (school.one("SELECT wc_bmi_group_of(1, %s, '1 month')", given), end - timedelta(microseconds=1)), given
        school.sql("RESET white_cross.direct_reads")

def test_a_time_is_itself(school):
    """Whatever has a time of day is no whole day."""
    if school.time_type == "date":
        return
    school.sql("TRUNCATE students CASCADE")
    school.sql("SET white_cross.time_zone = 'Europe/Berlin'")
    school.add(1)
    school.measure(1, "2025-06-30 12:00:00+00", vital(35))
    for given, found in (("2025-06-30 12:00Z", True), ("2025-06-30 11:59:59.999999Z", False), ("2025-06-30 14:00:00 Europe/Berlin", True),
                         ("2025-06-30T00:00:00+09", False), (datetime(2025, 6, 30, 12, tzinfo=timezone.utc), True),
                         (datetime(2025, 6, 30, 11, tzinfo=timezone.utc), False), ("2025-06-30 20:59 Asia/Tokyo", False),
                         ("2025-06-30 21:00", True), ("infinity", True), ("-infinity", False), (None, True)):
        assert (school.of("wc_bmi_category_of", 1, given) is not None) is found, given
    for given in "soon", "2025-02-30", "2025-06-30 25:00":
        for call in "wc_bmi_category_of(1, %s)", "wc_vital_trend(1, 'weight', %s)", "wc_growth_prevalence(NULL, %s)":
            with pytest.raises(psycopg.DataError):
                school.sql(f"SELECT {call}", given)
    for far in "294270-01-01", "4713-01-05 BC":
        assert (school.of("wc_bmi_category_of", 1, far) is not None) is (far[0] == "2")
    school.sql("RESET white_cross.time_zone")


def weights_between(school, **filters):
    return {record["vital"]["weight"] for record in school.of("wc_student_records", 1, 1, 50, json.dumps(filters))["records"]}


def test_days_begin_where_clocks_jump_over_midnight(school):
    """A zone of POSIX's form, whose clocks go from 23:30 to 00:30: the next day begins with that."""
    if school.time_type == "date":
        return
    school.sql("TRUNCATE students CASCADE")
    school.sql("SET white_cross.time_zone = 'AAA0BBB,M6.5.1/23:30,M11.1.0/2'")
    school.add(1)
    for weight, at in (30, "2025-06-30 23:29:59.999+00"), (31, "2025-06-30 23:30:00+00"), (32, "2025-07-01 22:59:59.999+00"), (33, "2025-07-01 23:00:00+00"):
        school.measure(1, at, vital(weight))
    assert weights_between(school, dateTo="2025-06-30") == {30}
    assert weights_between(school, dateFrom="2025-07-01", dateTo="2025-07-01") == {31, 32}
    school.sql("RESET white_cross.time_zone")


def test_of_days_those_count_that_begin_within_a_time_span(school):
    """A column of days, and times to compare with: by the calendar of the zone."""
    if school.time_type != "date":
        return
    school.sql("TRUNCATE students CASCADE")
    school.add(1)
    for day in 29, 30:
        school.measure(1, f"2025-06-{day}", vital(day))
    for zone, ahead in ("Europe/Berlin", "+02:00"), ("America/Los_Angeles", "-07:00"):
        school.sql(f"SET white_cross.time_zone = '{zone}'")
        for time, begins, ends in (("2025-06-30T00:00:00", {30}, {29, 30}), ("2025-06-30T00:00:01", set(), {29, 30}),
                                   ("2025-06-29T23:59:59", {30}, {29})):
            assert weights_between(school, dateFrom=time + ahead) == begins, (zone, time)
            assert weights_between(school, dateTo=time + ahead) == ends, (zone, time)
            trend = school.of("wc_vital_trend", 1, "weight", time + ahead)
            assert (trend or {"points": 0})["points"] == len(begins), (zone, time)
    school.sql("RESET white_cross.time_zone")


@pytest.fixture(scope="module")
def born(cluster):
    """Schools whose birth dates have different types, but name the same day."""
    schools = []
    for time_type in "date", "timestamp(3)", "timestamptz":
        school = OwnSchool(cluster, f"born_{len(schools)}", "bigint", "timestamp(3)")
        school.sql(f"ALTER TABLE students ALTER date_of_birth TYPE {time_type}")
        schools.append(school)
    yield schools
    for school in schools:
        school.connection.close()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati", "America/Havana"])
def test_a_birth_date_is_a_calendar_day(born, zone):
    for school in born:
        school.sql("TRUNCATE students CASCADE")
        school.sql(f"SET timezone = '{zone}'")  # in which midnight is written; below nobody asks for it
        for n, day in enumerate(("2015-03-10", "2012-11-04", "2018-03-25", "1969-12-31"), 1):
            school.add(n, born=day)
            # Late in the evening, and early in the morning, of the calendar there.
            for at in "2025-06-01 23:30", "2025-06-02 00:30":
                local = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone))
                school.measure(n, local.astimezone(timezone.utc).replace(tzinfo=None), vital(35))
        school.sql("SET timezone = 'Asia/Tokyo'")
        school.sql(f"SET white_cross.time_zone = '{zone}'")
        for n, day in enumerate(("2015-03-10", "2012-11-04", "2018-03-25", "1969-12-31"), 1):
            assert school.of("wc_health_summary", n)["student"]["dateOfBirth"] == f"{day}T00:00:00.000Z"
            chart = school.of("wc_growth_chart", n, ["percentiles"])
            days = [(date(2025, 6, d) - date.fromisoformat(day)).days for d in (1, 2)]
            assert [round(point["ageMonths"] * 30.4375, 6) for point in chart] == days
        ages = school.rows("""SELECT wc_age_months(s.date_of_birth::timestamptz, r.date AT TIME ZONE 'UTC') * 30.4375 FROM students s
                              JOIN health_records r ON r.student_id = s.id WHERE s.id = 1 ORDER BY r.date""") \
            if school is born[2] else []
        assert [round(age, 6) for age, in ages] in ([], [(date(2025, 6, d) - date(2015, 3, 10)).days for d in (1, 2)])
        school.sql("RESET white_cross.time_zone")
    summaries = [school.sql("SELECT wc_health_summary(1::bigint)::text").fetchone()[0] for school in born[:2]]
    assert summaries[0].split('"recentVitals"')[0] == summaries[1].split('"recentVitals"')[0]


def age_of(connection):
    """Returns a student's age in days, computed in the session and in a parallel worker."""
    version = connection.info.server_version
    parallel = "debug_parallel_query" if version >= 160000 else "force_parallel_mode"
    answers = set()
    for workers in "off", "on":
        connection.execute(f"SET {parallel} = {workers}")
        age, = connection.execute("SELECT wc_growth_chart(1::bigint, '{percentiles}') -> 0 ->> 'ageMonths'").fetchone()
        answers.add(round(float(age) * 30.4375))
    days, = answers
    return days


@pytest.mark.parametrize("preloaded", [False, True])
def test_the_zone_is_the_databases(ground, preloaded):
    """Set for the extension, for the database, for the server; not by a session, a client or a role."""
    from servers import Cluster
    settings = {"timezone": "Pacific/Kiritimati"} | ({"shared_preload_libraries": "$libdir/white_cross"} if preloaded else {})
    with Cluster(ground, f"zone-{preloaded}", settings) as cluster:
        school = OwnSchool(cluster, "zone", "bigint", "timestamp(3)")
        with school.connection:
            school.add(1, born="2015-03-10")
            school.measure(1, "2015-03-20 11:00", vital(35))  # in Kiritimati the 21st, in Los Angeles and in Berlin the 20th
            school.measure(1, "2015-03-21 11:00", vital(35))
        def fresh(*statements, **options):
            with cluster.connect("zone", **options) as connection:
                for statement in statements:
                    connection.execute(statement)
                return age_of(connection)
        assert fresh() == 11
        assert fresh("SET timezone = 'UTC'") == 11
        assert fresh("SET timezone = 'UTC'", "SET white_cross.time_zone = 'America/Los_Angeles'") == 10
        # The client's own zone hides the server's from a library that comes later: then it is UTC, in workers too.
        assert fresh(options="-c timezone=Pacific/Kiritimati") == (11 if preloaded else 10)
        with cluster.connect("zone") as connection:
            connection.execute("ALTER DATABASE zone SET timezone = 'America/Los_Angeles'")
        assert fresh() == 10
        assert fresh("SET timezone = 'Pacific/Kiritimati'") == 10
        # A client's own zone, as JDBC brings it, and a role's.
        assert fresh(options="-c timezone=Pacific/Kiritimati") == 10
        with cluster.connect("zone") as connection:
            connection.execute("ALTER ROLE ALL IN DATABASE zone RESET timezone")
            connection.execute("ALTER DATABASE zone SET white_cross.time_zone = 'Pacific/Kiritimati'")
        assert fresh(options="-c timezone=UTC") == 11
        with cluster.connect("zone") as connection:
            connection.execute("SELECT wc_bmi(140, 35)")
            with pytest.raises(psycopg.errors.InvalidParameterValue, match="white_cross.time_zone"):
                connection.execute("SET white_cross.time_zone = 'Atlantis/Poseidonis'")
            connection.execute("CREATE ROLE nobody")
            connection.execute("SET ROLE nobody")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SET white_cross.time_zone = 'UTC'")
