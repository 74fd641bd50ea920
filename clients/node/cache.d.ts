/**
 * The kind of a page of records.
 * @param {number} [page]
 * @param {number} [pageSize]
 * @param {{type?: string, dateFrom?: string, dateTo?: string, provider?: string}} [filters]
 */
export function recordsKind(page?: number, pageSize?: number, filters?: {
    type?: string;
    dateFrom?: string;
    dateTo?: string;
    provider?: string;
}): string;
/** Redis did not answer within the time-out, or did not a moment ago. */
export class RedisTooSlow extends Error {
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
    /** @param {Options} options */
    constructor({ redis, query, patience, timeout, clusterKeys, opaqueKeys, onError, audit }: Options);
    /**
     * The JSON of a student, or null for an unknown one.
     * @param {string | number | bigint} student
     * @param {string} [kind] health_summary, growth_chart, or as recordsKind gives it
     * @param {ReadOptions} [options]
     * @returns {Promise<string | null>}
     */
    read(student: string | number | bigint, kind?: string, options?: ReadOptions): Promise<string | null>;
    /**
     * The same for many students, in their order.
     * @param {(string | number | bigint)[]} students
     * @param {string} [kind]
     * @param {ReadOptions} [options]
     * @returns {Promise<(string | null)[]>}
     */
    readMany(students: (string | number | bigint)[], kind?: string, { token, reader }?: ReadOptions): Promise<(string | null)[]>;
    /**
     * What Redis has under a key, or null.  Like the three below it rejects if Redis fails.
     * @param {string} key
     * @param {{token?: string | null}} [options]
     * @returns {Promise<string | null>}
     */
    get(key: string, options?: {
        token?: string | null;
    }): Promise<string | null>;
    /**
     * The same of many keys, in one round trip.
     * @param {string[]} keys
     * @param {{token?: string | null}} [options]
     * @returns {Promise<(string | null)[]>}
     */
    many(keys: string[], { token }?: {
        token?: string | null;
    }): Promise<(string | null)[]>;
    /**
     * True: load it, you are the one.  False: somebody else does or has done, look again shortly.
     * @param {string} key
     * @param {{token?: string | null}} [options]
     * @returns {Promise<boolean>}
     */
    lease(key: string, { token }?: {
        token?: string | null;
    }): Promise<boolean>;
    /**
     * Stores a value.  False: refused, because it is older than a change.
     * @param {Entry} entry
     * @returns {Promise<boolean>}
     */
    fill({ key, value, ttl_seconds, snapshot }: Entry): Promise<boolean>;
    /**
     * The key of a student who is named as the students' table spells the id.  Throws if keys are opaque: `keys` asks the database.
     * @param {string | number | bigint} student
     * @param {string} [kind]
     */
    key(student: string | number | bigint, kind?: string): string;
    /**
     * The keys of many students.  Asks the database for opaque ones that it does not know yet.
     * @param {(string | number | bigint)[]} students
     * @param {string} [kind]
     * @returns {Promise<string[]>}
     */
    keys(students: (string | number | bigint)[], kind?: string): Promise<string[]>;
    /** Waits for what is being stored.  Reads fail from then on; those that run come to their end. */
    close(): Promise<void>;
    #private;
}
/**
 * A row of wc_cache_entries.
 */
export type Entry = {
    /**
     * as the student's own row spells the id
     */
    key: string;
    /**
     * JSON
     */
    value: string;
    ttl_seconds: number;
    /**
     * null where the value must not be stored
     */
    snapshot: string | null;
};
export type Options = {
    /**
     * a connected client of the package redis, which the application closes itself; one of Sentinels works too, and
     * reads by wc_get alone
     */
    redis: any;
    /**
     * runs a statement with $1 and $2, outside of any
     * transaction that has changed something; gives the rows, or an object with `rows`
     */
    query: (text: string, values: string[]) => Promise<any>;
    /**
     * how long to wait for somebody else who is loading, in milliseconds; longer than loading takes
     */
    patience?: number | undefined;
    /**
     * how long to wait for Redis, in milliseconds; after that the database is asked
     */
    timeout?: number | undefined;
    /**
     * keys as student:{ID}:…, as white_cross.cluster_keys says
     */
    clusterKeys?: boolean | undefined;
    /**
     * keys have opaque ids, as white_cross.opaque_keys says: the database is asked once for those of a
     * student
     */
    opaqueKeys?: boolean | undefined;
    /**
     * is told of errors of Redis, which no reader sees; by default console.warn is told
     * of one, at most once a minute
     */
    onError?: ((error: unknown) => void) | undefined;
    /**
     * is given a line for each read, before the values are handed out; if it throws, the read
     * rejects with that.  The line names students by opaque ids if keys do
     */
    audit?: ((line: string) => void) | undefined;
};
/**
 * Keys that go in one command, with their places in its answer.
 */
export type Batch = {
    at: Map<string, number>;
    answer: Promise<(string | null)[]>;
};
export type ReadOptions = {
    /**
     * of wc_write_token, to see that write
     */
    token?: string | null | undefined;
    /**
     * who reads, for the lines of the audit
     */
    reader?: import("./audit.js").Reader | undefined;
};
