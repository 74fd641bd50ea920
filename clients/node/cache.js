// The fenced cache: reads from Redis, loads from PostgreSQL what Redis has not, and stores it where no change made it stale.

import { auditLine } from './audit.js';
import { Liveness } from './liveness.js';

const TOKEN = /^\d+\.\d+\.\d+\.\d+$/;
const LOOK_AGAIN_MS = 20;
const REST_MS = 1000;  // after Redis was too slow
const WARN_AGAIN_MS = 60_000;
const KEYS_IN_A_COMMAND = 200;

// The row's own key beside the number of the id that was asked for: a student may be asked for by another spelling of the id, such
// as a uuid in upper case, and a value under the key of that spelling would outlive every change.
const ENTRIES = `WITH wanted AS (SELECT $1::text AS kind, $2::text::jsonb AS ids),
asked AS (SELECT id, n, wc_cache_key(id, kind) AS key FROM wanted, jsonb_array_elements_text(ids) WITH ORDINALITY AS a (id, n))
SELECT n::integer AS n, key, value::text AS value, ttl_seconds, snapshot
FROM wc_cache_entries(ARRAY(SELECT id FROM asked), ARRAY(SELECT kind FROM wanted)) JOIN asked USING (key)`;

// Where keys have opaque ids, the database alone can make them.
const KEYS = `SELECT n::integer AS n, wc_cache_key(id, kind) AS key
FROM (SELECT $1::text AS kind, $2::text::jsonb AS ids) AS wanted, jsonb_array_elements_text(ids) WITH ORDINALITY AS a (id, n)`;
const KNOWN_STUDENTS = 10_000;

/** Redis did not answer within the time-out, or did not a moment ago. */
export class RedisTooSlow extends Error {
  name = 'RedisTooSlow';
}

/**
 * A row of wc_cache_entries.
 * @typedef {object} Entry
 * @property {string} key as the student's own row spells the id
 * @property {string} value JSON
 * @property {number} ttl_seconds
 * @property {string | null} snapshot null where the value must not be stored
 */

/**
 * @typedef {object} Options
 * @property {any} redis a connected client of the package redis, which the application closes itself; one of Sentinels works too, and
 *   reads by wc_get alone
 * @property {(text: string, values: string[]) => Promise<any>} query runs a statement with $1 and $2, outside of any
 *   transaction that has changed something; gives the rows, or an object with `rows`
 * @property {number} [patience] how long to wait for somebody else who is loading, in milliseconds; longer than loading takes
 * @property {number} [timeout] how long to wait for Redis, in milliseconds; after that the database is asked
 * @property {boolean} [clusterKeys] keys as student:{ID}:…, as white_cross.cluster_keys says
 * @property {boolean} [opaqueKeys] keys have opaque ids, as white_cross.opaque_keys says: the database is asked once for those of a
 *   student
 * @property {(error: unknown) => void} [onError] is told of errors of Redis, which no reader sees; by default console.warn is told
 *   of one, at most once a minute
 * @property {(line: string) => void} [audit] is given a line for each read, before the values are handed out; if it throws, the read
 *   rejects with that.  The line names students by opaque ids if keys do
 */

/**
 * Keys that go in one command, with their places in its answer.
 * @typedef {{at: Map<string, number>, answer: Promise<(string | null)[]>}} Batch
 */

/**
 * @typedef {object} ReadOptions
 * @property {string | null} [token] of wc_write_token, to see that write
 * @property {import('./audit.js').Reader} [reader] who reads, for the lines of the audit
 */

/** Serves any number of readers at once.  Gives text: whether to parse it is the caller's choice. */
export class Cache {
  #redis;
  #query;
  #patience;
  #timeout;
  #clusterKeys;
  #opaqueKeys;
  /** @type {Map<string, string>} */
  #prefixes = new Map();  // what opaque keys of a student begin with
  #onError;
  #audit;
  #liveness;
  #hits = 0;  // told to wc_reads with the next lease
  #restsUntil = 0;
  #storing = new Set();
  /** @type {Batch | null} */
  #next = null;  // what the next command reads
  #closed = false;

  /** @param {Options} options */
  constructor({ redis, query, patience = 1000, timeout = 500, clusterKeys = false, opaqueKeys = false, onError = warner(), audit }) {
    this.#redis = redis;
    this.#query = query;
    this.#patience = patience;
    this.#timeout = timeout;
    this.#clusterKeys = clusterKeys;
    this.#opaqueKeys = opaqueKeys;
    this.#onError = onError;
    this.#audit = audit;
    this.#liveness = new Liveness(redis);
  }

  /**
   * The JSON of a student, or null for an unknown one.
   * @param {string | number | bigint} student
   * @param {string} [kind] health_summary, growth_chart, or as recordsKind gives it
   * @param {ReadOptions} [options]
   * @returns {Promise<string | null>}
   */
  async read(student, kind = 'health_summary', options = {}) {
    return (await this.readMany([student], kind, options))[0];
  }

  /**
   * The same for many students, in their order.
   * @param {(string | number | bigint)[]} students
   * @param {string} [kind]
   * @param {ReadOptions} [options]
   * @returns {Promise<(string | null)[]>}
   */
  async readMany(students, kind = 'health_summary', { token, reader = {} } = {}) {
    const keys = this.#keysOfRead(students, kind, token);
    if (!this.#audit) return (await this.#readAll(students, await keys, kind, token)).texts;
    const began = new Date();
    const [asked] = await Promise.allSettled([keys]);
    const line = { began, kind, students: this.#names(students, asked), reader };
    const [read] = asked.status === 'rejected' ? [asked] : await Promise.allSettled([this.#readAll(students, asked.value, kind, token)]);
    if (read.status === 'rejected') {
      this.#audit(auditLine({ ...line, rows: 0, fromRedis: 0, error: read.reason }));
      throw read.reason;
    }
    const { texts, fromRedis } = read.value;
    this.#audit(auditLine({ ...line, rows: texts.filter((text) => text !== null).length, fromRedis, error: null }));
    return texts;
  }

  // How lines of the audit name students: as keys do.  Without its key, a student has no opaque name.
  #names(students, asked) {
    if (!this.#opaqueKeys) return students.map(String);
    return students.map((_, at) => (asked.status === 'rejected' ? '?' : asked.value[at].split(':', 2)[1].replace(/[{}]/g, '')));
  }

  async #keysOfRead(students, kind, token) {
    if (this.#closed) throw new Error('the cache is closed');
    checkToken(token);
    return this.keys(students, kind);
  }

  async #readAll(students, asked, kind, token) {
    const ids = new Map(asked.map((key, at) => [key, String(students[at])]));
    const found = new Map();
    const giveUp = Date.now() + this.#patience;
    let fromRedis = 0;
    for (let missing = [...ids.keys()]; missing.length > 0; ) {
      const { texts, mine, failed } = await this.#look(missing, token);
      texts.forEach((text, at) => { if (text !== null) found.set(missing[at], text); });
      fromRedis += texts.filter((text) => text !== null).length;
      missing = missing.filter((key) => !found.has(key));
      const load = failed || Date.now() > giveUp ? missing : mine;
      if (load.length > 0) {
        const loaded = await this.#load(new Map(load.map((key) => [key, ids.get(key)])), kind, !failed);
        for (const key of load) found.set(key, loaded.get(key) ?? null);
        missing = missing.filter((key) => !found.has(key));
      }
      if (missing.length > 0) await new Promise((resolve) => { setTimeout(resolve, LOOK_AGAIN_MS); });
    }
    return { texts: asked.map((key) => found.get(key) ?? null), fromRedis };
  }

  /**
   * What Redis has under a key, or null.  Like the three below it rejects if Redis fails.
   * @param {string} key
   * @param {{token?: string | null}} [options]
   * @returns {Promise<string | null>}
   */
  async get(key, options = {}) {
    return (await this.many([key], options))[0];
  }

  /**
   * The same of many keys, in one round trip.
   * @param {string[]} keys
   * @param {{token?: string | null}} [options]
   * @returns {Promise<(string | null)[]>}
   */
  async many(keys, { token } = {}) {
    checkToken(token);
    const parts = [];
    for (let at = 0; at < keys.length; at += KEYS_IN_A_COMMAND) parts.push(keys.slice(at, at + KEYS_IN_A_COMMAND));
    return (await Promise.all(parts.map((part) => token ? this.#getEach(part, token) : this.#getTogether(part)))).flat();
  }

  /**
   * True: load it, you are the one.  False: somebody else does or has done, look again shortly.
   * @param {string} key
   * @param {{token?: string | null}} [options]
   * @returns {Promise<boolean>}
   */
  async lease(key, { token } = {}) {
    checkToken(token);
    const hits = this.#hits;
    this.#hits = 0;
    return await this.#call('wc_lease', key, this.#patience, token ?? '', hits) === 1;
  }

  /**
   * Stores a value.  False: refused, because it is older than a change.
   * @param {Entry} entry
   * @returns {Promise<boolean>}
   */
  async fill({ key, value, ttl_seconds, snapshot }) {
    return await this.#call('wc_fill', key, value, ttl_seconds, snapshot ?? '') === 1;
  }

  /**
   * The key of a student who is named as the students' table spells the id.  Throws if keys are opaque: `keys` asks the database.
   * @param {string | number | bigint} student
   * @param {string} [kind]
   */
  key(student, kind = 'health_summary') {
    if (this.#opaqueKeys) throw new Error('keys are opaque, and the database makes them: use keys()');
    return this.#clusterKeys ? `student:{${student}}:${kind}` : `student:${student}:${kind}`;
  }

  /**
   * The keys of many students.  Asks the database for opaque ones that it does not know yet.
   * @param {(string | number | bigint)[]} students
   * @param {string} [kind]
   * @returns {Promise<string[]>}
   */
  async keys(students, kind = 'health_summary') {
    if (!this.#opaqueKeys) return students.map((student) => this.key(student, kind));
    const names = students.map(String);
    const known = new Map(names.map((name) => [name, this.#prefixes.get(name)]));
    const unknown = [...known.keys()].filter((name) => known.get(name) === undefined);
    if (unknown.length > 0) {
      for (const { n, key } of await this.#rows(KEYS, ['records', JSON.stringify(unknown)])) {
        known.set(unknown[n - 1], key.slice(0, -'records'.length));
        this.#remember(unknown[n - 1], key);
      }
    }
    return names.map((name) => known.get(name) + kind);
  }

  /** @param {string} student @param {string} key */
  #remember(student, key) {
    if (this.#prefixes.size >= KNOWN_STUDENTS) this.#prefixes.clear();
    this.#prefixes.set(student, key.split(':', 2).join(':') + ':');
  }

  /** Waits for what is being stored.  Reads fail from then on; those that run come to their end. */
  async close() {
    this.#closed = true;
    this.#liveness.close();
    await Promise.all(this.#storing);
  }

  // ---- Redis ----

  // What Redis has, and which of the missing keys are for this reader to load.
  async #look(keys, token) {
    let texts = keys.map(() => null);
    try {
      texts = await this.many(keys, { token });
      const missing = keys.filter((_, at) => texts[at] === null);
      const leases = await Promise.all(missing.map((key) => this.lease(key, { token })));
      return { texts, mine: missing.filter((_, at) => leases[at]), failed: false };
    } catch (error) {
      this.#onError(error);
      return { texts, mine: [], failed: true };
    }
  }

  async #getTogether(keys) {
    if (!this.#liveness.isKnowable) return this.#getEach(keys, '');
    const [alive, ...texts] = await this.#mGet(keys);
    if (this.#liveness.covers(alive)) {
      this.#hits += texts.filter((text) => text !== null).length;
      return texts;
    }
    if (alive !== null) this.#liveness.ask(keys[0]);
    return this.#getEach(keys, '');
  }

  // The liveness key and these.  All that is read in one turn of the event loop goes in one command: one answer to wait for, and one
  // time limit.
  async #mGet(keys) {
    const batch = this.#next !== null && this.#next.at.size + keys.length <= KEYS_IN_A_COMMAND ? this.#next : this.#newBatch();
    this.#next = batch;
    for (const key of keys) if (!batch.at.has(key)) batch.at.set(key, batch.at.size + 1);
    try {
      const found = await batch.answer;
      return [found[0], ...keys.map((key) => found[/** @type {number} */ (batch.at.get(key))])];
    } catch (error) {
      // Redis refuses the whole command for one key that its user may not read, which may be another reader's.
      if (batch.at.size === keys.length || !/NOPERM/.test(String(error))) throw error;
      return this.#bounded(() => this.#redis.mGet(['wc:alive', ...keys]));
    }
  }

  #newBatch() {
    /** @type {Batch} */
    const batch = {
      at: new Map(),
      answer: new Promise((resolve, reject) => {
        setImmediate(() => {
          if (this.#next === batch) this.#next = null;
          this.#bounded(() => this.#redis.mGet(['wc:alive', ...batch.at.keys()])).then(resolve, reject);
        });
      }),
    };
    return batch;
  }

  #getEach(keys, token) {
    return Promise.all(keys.map((key) => this.#call('wc_get', key, token)));
  }

  #call(name, key, ...words) {
    return this.#bounded(() => this.#redis.fCall(name, { keys: [key], arguments: words.map(String) }));
  }

  // A client without a connection keeps commands until it has one, so that not even its errors come in time.
  async #bounded(send) {
    if (Date.now() < this.#restsUntil) throw new RedisTooSlow('Redis was too slow a moment ago');
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => {
        this.#restsUntil = Date.now() + REST_MS;
        reject(new RedisTooSlow(`Redis did not answer within ${this.#timeout} ms`));
      }, this.#timeout);
    });
    try {
      return await Promise.race([send(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  // ---- PostgreSQL ----

  // ids: by key.  Values by the same keys.
  async #load(ids, kind, store) {
    const keys = [...ids.keys()];
    const values = new Map();
    const stored = new Set();
    try {
      for (const { n, ...entry } of await this.#rows(ENTRIES, [kind, JSON.stringify([...ids.values()])])) {
        values.set(keys[n - 1], entry.value);
        if (this.#opaqueKeys) this.#remember(ids.get(keys[n - 1]), entry.key);  // of another secret than before, perhaps
        if (!store || stored.has(entry.key)) continue;
        stored.add(entry.key);
        this.#store(entry);
      }
      return values;
    } finally {
      // Of what is not stored, nobody shall wait for the lease: Redis refuses this, and takes the lease back.
      if (store) for (const key of keys) if (!stored.has(key)) this.#store({ key, value: 'null', ttl_seconds: 1, snapshot: null });
    }
  }

  /** @param {string} text @param {string[]} values */
  async #rows(text, values) {
    const found = await this.#query(text, values);
    return Array.isArray(found) ? found : found.rows;
  }

  // Nobody waits for it, and the value is right without it.
  #store(entry) {
    const storing = this.fill(entry).catch(this.#onError).finally(() => this.#storing.delete(storing));
    this.#storing.add(storing);
  }
}

// A cache that never answers, as with a wrong password, must not go unnoticed.
function warner() {
  let again = 0;
  return (error) => {
    if (Date.now() < again) return;
    again = Date.now() + WARN_AGAIN_MS;
    console.warn(`white-cross: Redis failed, and values come from the database: ${error}`);
  };
}

function checkToken(token) {
  if (token && !TOKEN.test(token)) throw new TypeError('the token is none of wc_write_token(); pass on its text as it is');
}

/**
 * The kind of a page of records.
 * @param {number} [page]
 * @param {number} [pageSize]
 * @param {{type?: string, dateFrom?: string, dateTo?: string, provider?: string}} [filters]
 */
export function recordsKind(page = 1, pageSize = 20, filters = {}) {
  return `records:${page}:${pageSize}:${JSON.stringify(filters)}`;
}
