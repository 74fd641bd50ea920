// A line for each read, as the setting white_cross.audit has the server write one: who, whose and how it ended, never what was read.
import { openSync, writeSync } from 'node:fs';

const MOST_IDS = 100;
const LONGEST_ID = 128;  // bytes

/**
 * Who reads, for the lines of the audit.
 * @typedef {object} Reader
 * @property {string} [user] the person on whose behalf it is, as the application knows them
 * @property {string} [purpose] why, in the application's own words
 * @property {string} [address] from where
 * @property {string} [application]
 * @property {string} [traceId]
 */

/**
 * Writes lines to the end of a file, each before its value is handed out: for `audit`.
 * @param {string} path
 * @returns {(line: string) => void}
 */
export function appendTo(path) {
  const file = openSync(path, 'a', 0o600);
  return (line) => { writeSync(file, `${line}\n`); };
}

/**
 * @param {{began: Date, kind: string, students: string[], reader: Reader, rows: number, fromRedis: number, error: any}} read
 * @returns {string}
 */
export function auditLine({ began, kind, students, reader, rows, fromRedis, error }) {
  const result = error ? 'error' : rows > 0 ? 'read' : 'none';
  return `white_cross audit: ${JSON.stringify({
    at: began.toISOString(),
    function: `cache.${kind.split(':')[0]}`,  // filters of pages are a caller's text
    database: null,
    session_user: null,
    user: reader.user ?? null,
    address: reader.address ?? null,
    application: reader.application ?? null,
    pid: process.pid,
    purpose: reader.purpose ?? null,
    students: students.slice(0, MOST_IDS).map(shortened),
    student_count: students.length,
    rows,
    from_memory: fromRedis,
    result,
    complete: !error,
    sqlstate: typeof error?.code === 'string' && error.code.length === 5 ? error.code : null,
    trace_id: reader.traceId ?? null,
  })}`;
}

// Its first characters that fit.
function shortened(id) {
  let bytes = 0;
  let end = 0;
  for (const character of id) {
    bytes += Buffer.byteLength(character);
    if (bytes > LONGEST_ID) return id.slice(0, end);
    end += character.length;
  }
  return id;
}
