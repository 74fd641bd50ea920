"""auto_explain, as administrators load it: it shows every statement that a function runs, from PostgreSQL 16 on with all parameters."""

import pytest

from every_call import OUTCOME, calls, outcome

SEARCHES = [f"wc_search_health_records('{typed}'{more})" for typed in ("checkup", "knee pain", "quill", "-checkup", "qu", "ada quill", "")
            for more in ("", ", 'CHECKUP'", ", highlight => true", ''', "order" => 'rank' ''', ", page => 2, page_size => 1")]
OTHERS = ["wc_growth_prevalence(as_of => '2025-11-01')", "wc_diagnose()", "wc_latest_bmi('s1'::text)"]


@pytest.fixture(params=["on", "off"], ids=["directly", "by queries"])
def explained(school, request):
    school.sql(OUTCOME)
    for n in range(3):
        school.insert("students", {"id": f"s{n}", "studentNumber": f"N{n}", "firstName": "Ada", "lastName": "Quill", "dateOfBirth": "2014-03-02", "grade": "5", "gender": "FEMALE"})
        school.add_allergy(f"s{n}")
        school.add_condition(f"s{n}")
        for day in range(4):
            school.add_record(f"s{n}", date=f"2025-03-0{1 + day}", description="checkup, knee pain", vital='{"height": 140, "weight": 35, "bmi": 17.9}')
    school.sql(f"SET white_cross.direct_reads = {request.param}")
    return school


def test_every_statement_can_be_shown(explained):
    """With the settings of auto_explain that show most, each call gives what it gives without."""
    all_calls = [call.replace("{id}", "'s1'") for some in calls(explained).values() for call in some] + SEARCHES + OTHERS
    before = [outcome(explained, call) for call in all_calls]
    explained.sql("LOAD 'auto_explain'")
    for name, value in {"log_min_duration": "0", "log_nested_statements": "on", "log_verbose": "on", "log_analyze": "on", "log_level": "debug5"}.items():
        explained.sql(f"SET auto_explain.{name} = '{value}'")
    after = [outcome(explained, call) for call in all_calls]
    explained.sql("SET auto_explain.log_min_duration = -1")
    # Rows of a set come in any order.
    different = [call for call, one, other in zip(all_calls, before, after) if sorted(one.splitlines()) != sorted(other.splitlines())]
    assert set(different) <= {"wc_diagnose()"}, different
