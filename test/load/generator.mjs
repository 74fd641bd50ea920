// The load: users who send their requests when they are due, whether or not the server keeps up.
//
// Requests come at random (a Poisson process), `rate` a second of all users together, and each belongs to one of the users.  Whoever still
// waits for an answer sends the next one late, and its time counts from when it was due: so a server that stands still for a second is seen
// with all whom it kept waiting, and not with the one request of each that it had.  wrk sends the next request after the answer, and so
// leaves them out.
//
// Reads {port, token, users, rate, warm, seconds, students, seed} as JSON; prints a line of JSON a second, and at last {result}.
// The first `warm` seconds are not counted.

import { text } from 'node:stream/consumers';
import { Connection } from './connection.mjs';
import { Measure } from './measure.mjs';
import { Users, randomOf } from './users.mjs';

const PATIENCE_MS = 10_000;  // for what has not been answered at the end

const { port, token, users: count, rate, warm, seconds, students, seed } = JSON.parse(await text(process.stdin));
const random = randomOf(seed + 1);
const work = new Users({ students, token, seed });
const users = Array.from({ length: count }, () => ({ connection: new Connection(port), due: [], isBusy: false, steps: [][Symbol.iterator]() }));

const now = () => performance.now();
const gap = () => -Math.log(1 - random()) * 1000 / rate;
const begins = now() + warm * 1000;
const ends = begins + seconds * 1000;
const measure = new Measure(begins);
let open = 0;
let answers = 0;  // also of the seconds that are not counted

function nextRequest(user) {
  const step = user.steps.next();
  if (!step.done) return step.value;
  user.steps = work.work();
  return user.steps.next().value;
}

async function serve(user) {
  user.isBusy = true;
  while (user.due.length > 0) {
    const due = user.due.shift();
    const sent = now();
    const { route, text: request, answered } = nextRequest(user);
    let hit, wrong;
    try {
      const answer = await user.connection.send(request);
      hit = answer.hit;
      wrong = answered(answer);
      answers += 1;
    } catch (error) {
      wrong = error.code ?? error.message;
    }
    if (due >= begins) measure.add({ route, due, sent, ended: now(), hit, wrong });
    open -= 1;
  }
  user.isBusy = false;
}

let next = now() + gap();
let shown = 0;
let finish;
const finished = new Promise((resolve) => { finish = resolve; });

function tick() {
  const at = now();
  for (; next <= at && next < ends; next += gap()) {
    const user = users[Math.floor(random() * count)];
    user.due.push(next);
    open += 1;
    if (!user.isBusy) serve(user);
  }
  // A second is shown when another has passed, and its answers are there.
  for (; at >= begins + (shown + 2) * 1000 && shown < seconds; shown += 1) console.log(JSON.stringify({ second: shown + 1, ...measure.second(shown) }));
  if (next >= ends && (open === 0 || at > ends + PATIENCE_MS)) finish();
  else setTimeout(tick, 1);
}
tick();
await finished;

for (const { due } of users) for (const one of due) if (one >= begins) measure.add({ due: one, wrong: 'never sent' });
for (const { isBusy } of users) if (isBusy) measure.add({ due: ends - 1, wrong: 'no answer' });
console.log(JSON.stringify({ result: { ...measure.result(seconds), answers } }));
process.exit(0);
