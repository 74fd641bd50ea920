// PostGraphile 4: GraphQL over the school, where each student has healthSummary.  In a copy of this folder:
//
//   npm install postgraphile@4
//   psql -d school -f school.sql
//   psql -d school -Atc "SELECT wc_row_functions('public', 'students_')" | psql -d school
//   DATABASE_URL=postgresql://localhost/school node postgraphile.mjs
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { postgraphile } from 'postgraphile';

// PostGraphile shows a function students_NAME(students) as the field NAME of a student.  dynamicJson: JSON as objects, not as text.
const server = createServer(postgraphile(process.env.DATABASE_URL, 'public', { dynamicJson: true, retryOnInitFail: false, disableQueryLog: true }));
await new Promise((listening) => server.listen(process.env.PORT ?? 0, '127.0.0.1', listening));

// What a client in a browser does.  An error of the database is in `errors`, and the answer's status may still be 200.
async function graphql(query, variables) {
  const response = await fetch(`http://127.0.0.1:${server.address().port}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors.map(({ message }) => message).join('; '));
  return data;
}

function show(what, { student, recordCounts }) {
  const counts = Object.entries(recordCounts).map(([type, count]) => `${count} ${type}`).join(', ');
  console.log(`${what}: ${student.firstName} ${student.lastName}, ${counts || 'no records'}`);
}

// Read.
const { studentById } = await graphql('{ studentById(id: "ada") { healthSummary } }');
show('read', studentById.healthSummary);

// List: one statement for all of them.
const { allStudents } = await graphql('{ allStudents(orderBy: ID_ASC) { nodes { healthSummary } } }');
for (const { healthSummary } of allStudents.nodes) show('list', healthSummary);

// Write, and read one's own write: a mutation answers from its own transaction.
const { createHealthRecord } = await graphql(`
  mutation ($record: HealthRecordInput!) {
    createHealthRecord(input: { healthRecord: $record }) { studentByStudentId { healthSummary } }
  }`, { record: { id: randomUUID(), type: 'DENTAL', date: new Date(), description: 'Check', studentId: 'bob' } });
show('own write', createHealthRecord.studentByStudentId.healthSummary);

if (!process.env.PORT) process.exit();  // with PORT=5000 it stays, for http://localhost:5000/graphql
