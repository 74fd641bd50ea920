// What clients send, checked before anything is done with it.  Each function returns the value, or throws the 400 that names the field.
// No message repeats the value: it may be somebody's name, and errors go to logs.

import { Refusal } from './refusal.mjs';

const TYPES = new Set(['CHECKUP', 'VACCINATION', 'ILLNESS', 'INJURY', 'SCREENING', 'PHYSICAL_EXAM', 'MENTAL_HEALTH', 'DENTAL', 'VISION', 'HEARING']);
const DATE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?$/;
const LONGEST_TEXT = 10_000;
const LONGEST_BODY = 64 * 1024;

const wrong = (field, wanted) => new Refusal(400, `${field} must be ${wanted}`);

function text(field, value, longest = LONGEST_TEXT) {
  if (typeof value !== 'string' || value.trim() === '' || value.length > longest || value.includes('\0')) throw wrong(field, `a text of 1 to ${longest} characters`);
  return value.trim();
}

// undefined where there is none.
const optional = (check) => (field, value) => (value === undefined || value === null ? undefined : check(field, value));

function number(field, value, largest) {
  if (!/^\d{1,9}$/.test(value) || Number(value) < 1 || Number(value) > largest) throw wrong(field, `a number from 1 to ${largest}`);
  return Number(value);
}

function type(field, value) {
  if (!TYPES.has(value)) throw wrong(field, `one of ${[...TYPES].join(', ')}`);
  return value;
}

function date(field, value) {
  if (typeof value !== 'string' || !DATE.test(value) || Number.isNaN(Date.parse(value))) throw wrong(field, 'a date of ISO 8601');
  // JavaScript takes the 30th of February for the 2nd of March.
  const day = value.slice(0, 10);
  if (new Date(day).toISOString().slice(0, 10) !== day) throw wrong(field, 'a day that there is');
  return value;
}

// In UTC, as the column has it; a time without a zone is one of UTC, wherever this server stands.
function instant(field, value) {
  const given = date(field, value);
  return new Date(/T[\d:.]+$/.test(given) ? `${given}Z` : given).toISOString();
}

function vital(field, value) {
  const isObject = typeof value === 'object' && !Array.isArray(value);
  if (!isObject || !Object.values(value).every((one) => Number.isFinite(one))) throw wrong(field, 'an object of numbers');
  return JSON.stringify(value);
}

// A name that nobody knows is refused: a misspelt filter would otherwise show more than was asked for.
function noOthers(names, allowed) {
  if (![...names].every((name) => Object.hasOwn(allowed, name))) throw new Refusal(400, `allowed are ${Object.keys(allowed).join(', ')}`);
}

function checked(values, checks) {
  return Object.fromEntries(Object.entries(checks).map(([field, check]) => [field, check(field, values[field])]));
}

/** An id as this school writes it.  With uuid or bigint, say so here. */
export function student(field, value) {
  if (typeof value !== 'string' || !/^[\w-]{1,64}$/.test(value)) throw wrong(field, 'the id of a student');
  return value;
}

const PAGE = {
  page: (field, value = '1') => number(field, value, 1_000_000),
  limit: (field, value = '20') => number(field, value, 100),
};
const FILTERS = { type: optional(type), dateFrom: optional(date), dateTo: optional(date), provider: optional((field, value) => text(field, value, 200)) };
const SEARCH = { q: (field, value) => text(field, value, 200), type: optional(type) };

function query(parameters, checks) {
  noOthers(parameters.keys(), checks);
  return checked(Object.fromEntries(parameters), checks);
}

/** Of a page of records: {page, limit, filters}. */
export function recordsQuery(parameters) {
  const { page, limit, ...filters } = query(parameters, { ...PAGE, ...FILTERS });
  return { page, limit, filters };
}

/** Of a search: {q, type, page, limit}. */
export const searchQuery = (parameters) => query(parameters, { ...PAGE, ...SEARCH });

/** The token of a write that the reader must see, or undefined. */
export function writeToken(value) {
  if (value !== undefined && !/^\d{1,20}(\.\d{1,20}){3}$/.test(value)) throw wrong('X-Write-Token', 'the token of a write, as it was given');
  return value;
}

const RECORD = {
  studentId: student, type, date: instant, description: text,
  provider: optional((field, value) => text(field, value, 200)), notes: optional(text), vital: optional(vital),
};

/** A new record, out of the body of a request. */
export async function record(request) {
  let body = '';
  let length = 0;
  // Of what is too long the rest is read and thrown away, for as long as requestTimeout: whoever still sends would not see the answer.
  for await (const part of request.setEncoding('utf8')) {
    length += part.length;
    if (length <= LONGEST_BODY) body += part;
  }
  if (length > LONGEST_BODY) throw new Refusal(413, `a body has at most ${LONGEST_BODY} characters`);
  let values;
  try {
    values = JSON.parse(body);
  } catch {
    throw new Refusal(400, 'the body must be JSON');
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) throw new Refusal(400, 'the body must be an object');
  noOthers(Object.keys(values), RECORD);
  return checked(values, RECORD);
}
