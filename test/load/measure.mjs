// Times of answers, by route.  All are kept: a run has some hundred thousand.

const CURVE = [0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99, 100];

/** The smallest time that `percent` of all are not above: nearest rank.  REQUIRES: sorted. */
export function percentile(sorted, percent) {
  return sorted.length === 0 ? null : sorted[Math.max(0, Math.ceil(sorted.length * percent / 100) - 1)];
}

function figures(times) {
  const sorted = Float64Array.from(times).sort();
  const rounded = (percent) => { const ms = percentile(sorted, percent); return ms === null ? null : Math.round(ms * 1000) / 1000; };
  return { count: sorted.length, p50: rounded(50), p95: rounded(95), p99: rounded(99), max: rounded(100), curve: CURVE.map((percent) => [percent, rounded(percent)]) };
}

export class Measure {
  #routes = {};
  #hits = [];
  #hitsOf = {};
  #misses = [];
  #late = [];
  #seconds = [];
  #errors = {};
  #began;

  constructor(began) {
    this.#began = began;
  }

  /** due: when it should have been sent, sent: when it was, in ms.  wrong: null, or what is wrong with the answer. */
  add({ route, due, sent, ended, hit, wrong }) {
    const at = Math.floor((due - this.#began) / 1000);
    const second = this.#seconds[at] ??= { times: [], errors: 0 };
    if (wrong) {
      second.errors += 1;
      this.#errors[wrong] = (this.#errors[wrong] ?? 0) + 1;
      return;
    }
    second.times.push(ended - due);
    (this.#routes[route] ??= []).push(ended - due);
    if (hit !== undefined) (hit ? this.#hits : this.#misses).push(ended - due);
    if (hit) this.#hitsOf[route] = (this.#hitsOf[route] ?? 0) + 1;
    this.#late.push(sent - due);
  }

  /** Of a second of the run, for who watches: {answered, errors, p95}. */
  second(at) {
    const { times = [], errors = 0 } = this.#seconds[at] ?? {};
    return { answered: times.length, errors, p95: figures(times).p95 };
  }

  result(seconds) {
    const all = Object.values(this.#routes).flat();
    return {
      seconds, rate: all.length / seconds, all: figures(all), errors: this.#errors,
      routes: Object.fromEntries(Object.entries(this.#routes).map(([route, times]) => [route, { ...figures(times), hits: this.#hitsOf[route] ?? null }])),
      hits: figures(this.#hits), misses: figures(this.#misses), late: figures(this.#late),
      timeline: Array.from({ length: Math.ceil(seconds) }, (_, at) => { const { p50, p95, p99 } = figures(this.#seconds[at]?.times ?? []); return [at, p50, p95, p99]; }),
    };
  }
}
