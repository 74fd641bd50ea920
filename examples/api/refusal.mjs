// What is answered when a request cannot be fulfilled.

/** An answer other than 2xx.  Its message is written here, never PostgreSQL's, which may show values of a row. */
export class Refusal extends Error {
  name = 'Refusal';

  constructor(status, message, sqlstate) {
    super(message);
    this.status = status;
    this.sqlstate = sqlstate;
  }
}

// By the beginning of the SQLSTATE; the first that fits.
const BY_SQLSTATE = [
  ['22', 400, 'a value has the wrong form or is out of range'],
  ['23503', 404, 'no such student'],
  ['23505', 409, 'it exists already'],
  ['23', 400, 'the record breaks a rule of its table'],
  ['42501', 403, 'not allowed'],
  ['57014', 503, 'the database took too long'],
  ['40', 503, 'somebody else changed the same; try again'],  // serialization failure, deadlock
  ['08', 503, 'the database is away'],  // also PgBouncer's, when no connection came free in time
  ['53', 503, 'the database has too much to do'],
  ['57P', 503, 'the database is away'],
  ['25006', 503, 'the database is read-only at the moment'],  // a standby, during a failover
];

/** What the driver threw, as an answer. */
export function refusalOf(error) {
  const sqlstate = /^[0-9A-Z]{5}$/.test(error.code) && error.severity ? error.code : undefined;
  // Without SQLSTATE it is the connection's: refused, lost, or none became free within the time-out.
  if (!sqlstate) return new Refusal(503, 'the database is away', error.code);
  const [, status, message] = BY_SQLSTATE.find(([beginning]) => sqlstate.startsWith(beginning)) ?? ['', 500, 'an error of the server'];
  return new Refusal(status, message, sqlstate);
}
