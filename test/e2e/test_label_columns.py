"""Labels that have an order or a meaning have it whatever the type of their column, their case and the order of an enum."""

import json
import random

import pytest

from school import School

SEVERITIES = ["LIFE_THREATENING", "SEVERE", "MODERATE", "MILD"]  # the gravest first
STATUSES = ["ACTIVE", "RECURRENCE", "RELAPSE", "MANAGED", "MONITORING", "REMISSION", "IN_REMISSION", "INACTIVE", "RESOLVED"]
SPELLINGS = [str, str.lower, str.title, lambda label: label.replace("_", " "), lambda label: label.title().replace("_", "-"), lambda label: f" {label} "]
NONDETERMINISTIC = "CREATE COLLATION blurred (provider = icu, locale = 'und-u-ks-level1', deterministic = false)"


@pytest.fixture(scope="module")
def school_of_all(cluster):
    cluster.create_database("labels")
    school = School(cluster, "labels")
    school.connection.prepare_threshold = None  # what is prepared keeps the types of columns that were
    school.attach()
    with school.connection:
        yield school
    cluster.psql("DROP DATABASE labels WITH (FORCE)")


@pytest.fixture
def school(school_of_all):
    """The school in a transaction that is rolled back after each test, because tests change its columns."""
    school_of_all.sql("BEGIN")
    yield school_of_all
    school_of_all.sql("ROLLBACK")


def folded(label):
    return label.strip(" ").upper().replace(" ", "_").replace("-", "_")


def kinds(known, others):
    """How a column may be made: its type, the labels that are in it, and the order that those without a rank are in."""
    spelled = [spell(label) for label in known for spell in SPELLINGS]
    as_text = list(dict.fromkeys(spelled)) + others
    shuffled = known + others
    random.Random(4).shuffle(shuffled)
    lower = [label.lower() for label in known] + known
    return {
        "text": ("text", None, as_text),
        "varchar": ("varchar(30)", None, as_text),
        "text of another collation": ('text COLLATE "C"', None, as_text),
        "text of a nondeterministic collation": ("text COLLATE blurred", None, as_text),
        "an enum as Prisma has it": ("label", known[::-1], known),
        "an enum the other way round": ("label", known, known),
        "an enum in any order": ("label", shuffled, shuffled),
        "an enum in two cases": ("label", lower, lower),
        "an enum with others first": ("label", others + known[::-1], others + known),
        "an enum with others last": ("label", known[::-1] + others, known + others),
        "an enum of others": ("label", others, others),
    }


def rebuilt(school, table, column, kind):
    """The column anew, of another type, and the labels that it may have."""
    type, labels, values = kind
    school.sql(NONDETERMINISTIC)
    if labels:
        school.sql("CREATE TYPE label AS ENUM (%s)" % ", ".join(f"'{label}'" for label in labels))
    school.sql(f"ALTER TABLE {table} ALTER {column} DROP DEFAULT, ALTER {column} TYPE {type} USING NULL, ALTER {column} DROP NOT NULL")
    return values


def ids_of(rows):
    return [row["id"] for row in rows]


def lists(school, student, name, section):
    """The ids of one list, by every function that has it."""
    def exported(name, *arguments):
        return [line for line, in school.rows(f"SELECT {name}(%s{', %s' * len(arguments)})", student, *arguments)]

    found = {"export": ids_of(next(chunk for chunk in exported("wc_export_health_history") if chunk["type"] == section)[section])}
    one = {"allergies": "allergy", "conditions": "condition"}[section]
    found["lines"] = [line[one]["id"] for line in map(json.loads, exported("wc_export_health_history_ndjson")) if line["type"] == one]
    found["histories"] = ids_of(next(chunk for chunk, in school.rows("SELECT chunk FROM wc_export_health_histories(ARRAY[%s])", student)
                                     if chunk["type"] == section)[section])
    found["csv"] = [line.split(",")[1] for line in exported("wc_export_health_history_csv", section)[1:]]
    found["list"] = ids_of(school.one(f"SELECT wc_student_{section}(%s::text)", student))
    for many in "wc_health_summary(%s::text, '{chronicConditions}')", "summary FROM wc_health_summaries(ARRAY[%s])", "value FROM wc_cache_entries(ARRAY[%s])":
        if name in (summary := school.one(f"SELECT {many}", student)):
            found[many] = ids_of(summary[name])
    return found


@pytest.mark.parametrize("kind", kinds(SEVERITIES, ["anaphylaxis", "UNKNOWN"]))
def test_the_most_severe_allergy_comes_first(school, kind):
    others = ["anaphylaxis", "UNKNOWN"]
    values = rebuilt(school, "allergies", "severity", kinds(SEVERITIES, others)[kind])
    student = school.add_student()
    rows = []
    for value in [*values, None]:
        for allergen in "Wheat", "Milk":
            rows.append((value, allergen, school.add_allergy(student, severity=value, allergen=allergen)))

    unranked = ["UNKNOWN", "anaphylaxis"]  # descending by letters in most languages, not in that of the database
    if kind in ("text", "varchar", "text of another collation"):
        unranked = ["anaphylaxis", "UNKNOWN"]
    elif values and school.one("SELECT EXISTS (SELECT FROM pg_type WHERE typname = 'label')"):
        unranked = [label for label, in school.rows("SELECT l FROM unnest(enum_range(NULL::label)) l ORDER BY l DESC") if label in others]

    def place(row):
        value, allergen, id = row
        if value is None:
            return 9, 0, allergen, id
        known = folded(value) in SEVERITIES
        return (SEVERITIES.index(folded(value)) if known else 8), (0 if known else unranked.index(value)), allergen, id
    expected = [id for _, _, id in sorted(rows, key=place)]
    for direct_reads in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {direct_reads}")
        found = lists(school, student, "allergies", "allergies")
        assert len(found) == 8
        for function, ids in found.items():
            assert ids == expected, (direct_reads, function)


@pytest.mark.parametrize("kind", kinds(STATUSES, ["dormant", "PENDING"]))
def test_conditions_by_status(school, kind):
    values = rebuilt(school, "chronic_conditions", "status", kinds(STATUSES, ["dormant", "PENDING"])[kind])
    student = school.add_student()
    rows = [(value, name, school.add_condition(student, status=value, condition=name)) for value in values for name in ("Epilepsy", "Asthma")]
    ranked = [row for row in rows if folded(row[0]) in STATUSES]
    expected = [id for _, _, id in sorted(ranked, key=lambda row: (STATUSES.index(folded(row[0])), row[1], row[2]))]
    found = lists(school, student, "chronicConditions", "conditions")
    assert len(found) == 6
    for function, ids in found.items():
        assert ids[:len(expected)] == expected, function
        assert ids == found["list"] and len(ids) == len(rows)


@pytest.mark.parametrize("kind", kinds(["VACCINATION", "CHECKUP"], ["shots"]))
def test_vaccinations(school, kind):
    values = rebuilt(school, "health_records", "type", kinds(["VACCINATION", "CHECKUP"], ["shots"])[kind])
    student = school.add_student()
    rows = [(value, school.add_record(student, type=value, date=f"2025-01-{day:02}")) for day, value in enumerate([*values, None], 1)]
    expected = [id for value, id in reversed(rows) if value is not None and folded(value) == "VACCINATION"]
    for direct_reads in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {direct_reads}")
        for many in "wc_health_summary(%s::text)", "summary FROM wc_health_summaries(ARRAY[%s])", "value FROM wc_cache_entries(ARRAY[%s])":
            summary = school.one(f"SELECT {many}", student)
            assert ids_of(summary["recentVaccinations"]) == expected[:5], (direct_reads, many)
            # Counted as they are spelled.
            assert summary["recordCounts"] == {value: 1 for value in values}, (direct_reads, many)
        assert ids_of(school.one("SELECT wc_vaccinations(%s::text)", student)) == expected, direct_reads


@pytest.mark.parametrize("direct_reads", ["on", "off"])
def test_labels_that_change_places_in_one_session(school, direct_reads):
    """A plan that was kept must not know a label by what it was."""
    school.sql(f"SET white_cross.direct_reads = {direct_reads}")
    student = school.add_student()
    mild, grave = (school.add_allergy(student, severity=severity, allergen="Milk") for severity in ("MILD", "LIFE_THREATENING"))
    shot, checkup = (school.add_record(student, type=type) for type in ("VACCINATION", "CHECKUP"))

    def seen():
        summary = school.summary(student)
        return ids_of(summary["allergies"]), ids_of(summary["recentVaccinations"]), ids_of(school.one("SELECT wc_vaccinations(%s::text)", student))
    assert seen() == ([grave, mild], [shot], [shot])
    for type, one, other in ("AllergySeverity", "MILD", "LIFE_THREATENING"), ("HealthRecordType", "VACCINATION", "CHECKUP"):
        for old, new in (one, "other"), (other, one), ("other", other):
            school.sql(f"""ALTER TYPE "{type}" RENAME VALUE '{old}' TO '{new}'""")
    assert seen() == ([mild, grave], [checkup], [checkup])


def test_both_ways_know_the_same_labels(school):
    """Direct reads rank labels in C++, queries in SQL. The test compares them for generated spellings, similar ones and different
    ones."""
    school.sql("ALTER TABLE allergies ALTER severity TYPE text")
    school.sql("ALTER TABLE health_records ALTER type TYPE text")
    chance = random.Random(8)
    parts = ["LIFE", "life", "_", "-", " ", "THREATENING", "threatening", "SEVERE", "Mild", "moderate", "VACCINATION", "\t", "\u00a0", "\u0130", "ß", "é", "\n", "\u2010", "."]
    students = [school.add_student() for _ in range(30)]
    labels = set()
    for student in students:
        for _ in range(20):
            label = "".join(chance.choice(parts) for _ in range(chance.randint(0, 4)))
            labels.add(label)
            school.add_allergy(student, severity=label, allergen="Milk")
            school.add_record(student, type=label)
    found = []
    for direct_reads in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {direct_reads}")
        found.append([text for text, in school.rows("SELECT summary::text FROM wc_health_summaries(%s::text[])", students)])
    assert found[0] == found[1]
    ranks = dict(school.rows("SELECT l, white_cross.label_rank(l, 'allergies', 'severity') FROM unnest(%s::text[]) l", sorted(labels)))
    assert ranks == {label: SEVERITIES.index(folded(label)) + 1 if folded(label) in SEVERITIES else None for label in labels}
    assert {1, 2, 3, 4, None} == set(ranks.values())


def warnings(school):
    heard = []
    def hear(diag):
        heard.append(diag.message_primary)
    school.connection.add_notice_handler(hear)
    school.sql("SELECT wc_attach('public')")
    school.connection.remove_notice_handler(hear)
    return heard


def found_by_the_doctor(school):
    return [detail for status, detail in school.rows("SELECT status, detail FROM wc_diagnose() WHERE \"check\" = 'labels'") if status == "warn"]


def test_wc_attach_warns_of_labels_without_a_rank(school):
    assert warnings(school) == found_by_the_doctor(school) == []
    school.sql("""ALTER TYPE "AllergySeverity" ADD VALUE 'FATAL'""")
    school.sql("""ALTER TYPE "HealthRecordType" RENAME VALUE 'VACCINATION' TO 'shots'""")
    heard = warnings(school)
    assert len(heard) == 2 and "FATAL" in heard[0] and "severity" in heard[0] and "VACCINATION" in heard[1]
    assert found_by_the_doctor(school) == heard


def test_texts_without_a_rank_are_counted_and_not_shown(school):
    school.sql("ALTER TABLE allergies ALTER severity TYPE text")
    school.sql("ALTER TABLE health_records ALTER type TYPE text")
    student = school.add_student()
    for severity in ["Quill"] * 3 + ["mild", "Life threatening", "SEVERE", None]:
        school.sql('ALTER TABLE allergies ALTER severity DROP NOT NULL')
        school.add_allergy(student, severity=severity)
    for status in "Quill", "Quill":
        school.add_condition(student, status=status)
    school.sql("ANALYZE allergies, chronic_conditions")
    heard, seen = warnings(school), found_by_the_doctor(school)
    assert [text[:7] for text in heard] == ["3 rows ", "2 rows "]
    assert [text.split(":")[0] for text in seen] == [f"about {n} rows of {table} have a {column} without a rank"
                                                     for n, table, column in ((3, "public.allergies", "severity"), (2, "public.chronic_conditions", "status"))]
    assert "Quill" not in str(heard + seen)
    school.sql("UPDATE allergies SET severity = 'Moderate' WHERE severity = 'Quill'")
    school.sql("UPDATE chronic_conditions SET status = 'active'")
    school.sql("ANALYZE allergies, chronic_conditions")
    assert warnings(school) == found_by_the_doctor(school) == []
