// One user's connection: HTTP/1.1, kept alive, one request at a time.  Node's own client takes several times the processor time, which on
// a machine that also has the servers would be taken from what is measured.

import { connect } from 'node:net';

const HEAD_ENDS = Buffer.from('\r\n\r\n');

const field = (head, name) => new RegExp(`^${name}: *(.*?)\r?$`, 'im').exec(head)?.[1];

export class Connection {
  #port;
  #socket = null;
  #received = Buffer.alloc(0);
  #waiting = null;

  constructor(port) {
    this.#port = port;
  }

  /** Sends the text of a request.  Gives {status, hit, token, body}; rejects if the connection is lost, and connects anew for the next. */
  send(request) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (!this.#socket) this.#connect();
      this.#socket.write(request);
    });
  }

  close() {
    this.#socket?.destroy();
  }

  #connect() {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    socket.on('data', (part) => this.#receive(part));
    const lost = (error) => {
      if (this.#socket !== socket) return;  // an older one, whose end is told late
      this.#socket = null;
      const waiting = this.#waiting;
      this.#waiting = null;
      waiting?.reject(error instanceof Error ? error : new Error('the connection was closed'));
    };
    socket.on('error', lost);
    socket.on('close', lost);
  }

  #receive(part) {
    this.#received = this.#received.length === 0 ? part : Buffer.concat([this.#received, part]);
    const headEnds = this.#received.indexOf(HEAD_ENDS);
    if (headEnds < 0) return;
    const head = this.#received.toString('latin1', 0, headEnds);
    const begins = headEnds + HEAD_ENDS.length;
    const length = Number(field(head, 'Content-Length'));
    if (this.#received.length < begins + length) return;
    const body = this.#received.subarray(begins, begins + length);
    this.#received = Buffer.alloc(0);
    const { resolve } = this.#waiting;
    this.#waiting = null;
    if (/^Connection: *close/im.test(head)) this.#socket = null;
    resolve({ status: Number(head.slice(9, 12)), hit: field(head, 'Server-Timing')?.includes('hit'), token: field(head, 'X-Write-Token'), body });
  }
}
