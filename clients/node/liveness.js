// Which run of Redis each connection leads to, as wc_hello said it there.
//
// A value that MGET finds counts if wc:alive, read in the same command, names that run.  A client that connects again may lead to
// another process, so everything is forgotten before anything is sent on a new connection: node-redis emits "ready" then.

const ASK_AGAIN_MS = 1000;

// A client of one connection, of node-redis 5 or 4.  One of Sentinels, a cluster or a pool has several, and goes from one server to
// another without "ready": what one of its connections was told says nothing of the next.
function hasOneConnection(redis) {
  return typeof redis.isPubSubActive === 'boolean' || typeof redis.executeIsolated === 'function';
}

export class Liveness {
  #redis;
  #connection;
  #forget = () => { this.#connection = { run: null, askAgain: 0 }; };

  constructor(redis) {
    this.#redis = redis;
    /** False: values must be read with wc_get. */
    this.isKnowable = hasOneConnection(redis);
    this.#forget();
    redis.on('ready', this.#forget);
  }

  /** Whether values that were read together with this text can be trusted.  Call it as soon as the answer is there. */
  covers(alive) {
    return alive !== null && alive === this.#connection.run;
  }

  /** Asks for the run, for later reads; at most once a second.  key: one that this client may read. */
  ask(key) {
    const connection = this.#connection;  // an answer that comes after "ready" belongs to the connection before
    if (Date.now() < connection.askAgain) return;
    connection.askAgain = Date.now() + ASK_AGAIN_MS;
    this.#redis.fCallRo('wc_hello', { keys: [key], arguments: [] }).then((run) => { connection.run = run; }, () => {});
  }

  close() {
    this.#redis.off('ready', this.#forget);
  }
}
