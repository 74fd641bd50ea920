"""GraphQL over PostGraphile: what wc_row_functions makes are fields of a student."""

import json
import os
import subprocess

import pytest

from npm import node_modules
from school import attached_school

# An HTTP server as an application has it; prints the answer to each query.
PROGRAM = """
const http = require('http');
const { postgraphile } = require('postgraphile');
console.warn = console.log = console.error;
const server = http.createServer(postgraphile(process.env.DATABASE_URL, 'public', { retryOnInitFail: false, disableQueryLog: true }));
server.listen(0, '127.0.0.1', async () => {
  const answers = [];
  for (const query of JSON.parse(process.argv[1])) {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/graphql`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ query }),
    });
    answers.push(await answer.json());
  }
  process.stdout.write(JSON.stringify(answers), () => process.exit());
});
"""
QUERIES = [
    "{ allStudents(orderBy: ID_ASC) { nodes { id healthSummary growthChart vaccinations bmiCategoryOf } } }",
    "{ studentById(id: \"ada\") { studentRecords(page: 2, pageSize: 1) vitalTrend(vital: \"height\") growthChartSvg(measure: \"height\") } }",
    "{ allStudentSummaries(condition: { id: \"bob\" }) { nodes { id summary } } }",
]


def read(value):
    """PostGraphile hands out json as text, unless it is told otherwise."""
    return json.loads(value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def graph(cluster):
    """The answers to the queries, and the school that they are about."""
    modules = node_modules("postgraphile", 4)
    school = attached_school(cluster, "graph")
    with school.connection:
        for student in "ada", "bob":
            school.add_student(student)
            for n in range(3):
                school.add_record(student, f"{student}-{n}", vital=f'{{"height": {130 + n}, "weight": 30}}', date=f"2025-03-{1 + n:02}")
        school.add_record("ada", type="VACCINATION")
        for statement, in school.rows("SELECT wc_row_functions('public', 'students_')"):
            school.sql(statement)
        done = subprocess.run(["node", "-e", PROGRAM, json.dumps(QUERIES)], capture_output=True, text=True, timeout=300,
                              env=os.environ | {"NODE_PATH": str(modules), "DATABASE_URL": cluster.url("graph")})
        assert done.returncode == 0, done.stderr
        answers = json.loads(done.stdout)
        assert [answer for answer in answers if "errors" in answer] == []
        yield school, [answer["data"] for answer in answers]
    cluster.drop_database("graph")


def test_fields_of_all_students(graph):
    school, (answer, _, _) = graph
    found = [(node["id"], read(node["healthSummary"]), read(node["growthChart"]), read(node["vaccinations"]), node["bmiCategoryOf"])
             for node in answer["allStudents"]["nodes"]]
    assert found == school.rows("SELECT id, wc_health_summary(id), wc_growth_chart(id), wc_vaccinations(id), wc_bmi_category_of(id) FROM students ORDER BY id")
    assert len(found) == 2 and found[0][1]["recordCounts"] == {"CHECKUP": 3, "VACCINATION": 1} and len(found[0][3]) == 1


def test_fields_with_arguments(graph):
    school, (_, answer, _) = graph
    found = answer["studentById"]
    assert read(found["studentRecords"]) == school.one("SELECT wc_student_records('ada'::text, 2, 1)")
    assert read(found["vitalTrend"]) == school.one("SELECT wc_vital_trend('ada'::text, 'height')")
    assert found["growthChartSvg"] == school.one("SELECT wc_growth_chart_svg('ada'::text, 'height')")


def test_the_view_is_a_type(graph):
    school, (_, _, answer) = graph
    assert [(node["id"], read(node["summary"])) for node in answer["allStudentSummaries"]["nodes"]] == [("bob", school.summary("bob"))]
