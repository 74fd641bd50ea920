// What users do: the three workflows of the guide's load test, in its shares.
//
//   60 %  look at a student: the summary, the first page of records, then allergies and vitals, which are in the summary
//   30 %  write: a new record, then the summary with the token of that write
//   10 %  search
//
// That is 68 % summaries, 19 % pages of records, 10 % new records and 3 % searches.  Which student: by Zipf's law, since some come to the
// nurse every day and most never.

const WORDS = ['asthma flare', 'ankle sprain', 'varicella', 'scoliosis', 'vision 20/40', 'influenza', 'headache', 'sealant', 'Garcia',
  'Noah Brown', 'Nora Lopez', "O'Connor", 'STU0000123', 'STU0000871', 'hearing'];

// Numbers from 0 to 1, the same for the same seed (mulberry32).
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function zipf(random, count) {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) upTo[rank] = sum += 1 / (rank + 1);
  return () => {
    const wanted = random() * sum;
    let low = 0;
    for (let high = count - 1; low < high;) {
      const middle = (low + high) >> 1;
      if (upTo[middle] < wanted) low = middle + 1; else high = middle;
    }
    return low;
  };
}

/** students: [[id, how many records of the type CHECKUP it has]].  token: of the API. */
export class Users {
  #students;
  #random;
  #anyStudent;
  #token;

  constructor({ students, token, seed }) {
    this.#students = students.map(([id, checkups]) => ({ id, checkups }));
    this.#random = randomOf(seed);
    this.#anyStudent = zipf(this.#random, students.length);
    this.#token = token;
  }

  /** The requests of a workflow, one after the other: {route, text, answered}.  `answered` gives what is wrong with an answer, or null. */
  * work() {
    const student = this.#students[this.#anyStudent()];
    const which = this.#random();
    if (which < 0.6) {
      yield this.#get('summary', `summary/${student.id}`);
      yield this.#get('records', `student/${student.id}?page=1&limit=20`);
      yield this.#get('summary', `summary/${student.id}`);
      yield this.#get('summary', `summary/${student.id}`);
    } else if (which < 0.9) {
      yield* this.#write(student);
    } else {
      const word = WORDS[Math.floor(this.#random() * WORDS.length)];
      yield this.#get('search', `search?q=${encodeURIComponent(word)}&page=1&limit=20`);
    }
  }

  // The token promises what was acknowledged before the write was sent, and the write itself.
  * #write(student) {
    const body = JSON.stringify({
      studentId: student.id, type: 'CHECKUP', date: new Date().toISOString(), description: 'Routine checkup of the load test',
      vital: { temperature: 36.8, heartRate: 72, bloodPressureSystolic: 120, bloodPressureDiastolic: 80 }, provider: 'Nurse Kim',
    });
    const floor = student.checkups + 1;
    let token;
    yield {
      route: 'create',
      text: this.#request('POST', '/api/health-records', `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`) + body,
      answered: (answer) => {
        if (answer.status !== 201) return `status ${answer.status}`;
        student.checkups += 1;
        token = answer.token;
        return null;
      },
    };
    if (!token) return;
    yield this.#get('summary', `summary/${student.id}`, `X-Write-Token: ${token}\r\n`, (answer) => {
      const { CHECKUP } = JSON.parse(answer.body).data.recordCounts;
      return CHECKUP >= floor ? null : 'stale';
    });
  }

  #get(route, path, headers = '', check = () => null) {
    const text = this.#request('GET', `/api/health-records/${path}`, headers);
    return { route, text, answered: (answer) => (answer.status === 200 ? check(answer) : `status ${answer.status}`) };
  }

  #request(method, path, headers) {
    return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${this.#token}\r\n${headers}\r\n`;
  }
}
