// The HTTP server: finds the route, asks who calls, answers, and says in the log what went wrong, without anything of a student.

import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { Refusal } from './refusal.mjs';

// As the application had them that this replaces.
const PATHS = [
  ['GET', /^\/api\/health-records\/summary\/([^/]+)$/, 'summary'],
  ['GET', /^\/api\/health-records\/student\/([^/]+)$/, 'records'],
  ['GET', /^\/api\/health-records\/search$/, 'search'],
  ['POST', /^\/api\/health-records$/, 'create'],
  ['GET', /^\/api\/admin\/performance$/, 'performance'],
];

const JSON_TYPE = 'application/json; charset=utf-8';

function find(method, path) {
  const fitting = PATHS.filter(([, pattern]) => pattern.test(path));
  if (fitting.length === 0) throw new Refusal(404, 'no such route');
  const found = fitting.find(([wanted]) => wanted === method);
  if (!found) throw new Refusal(405, 'no such method here');
  const [, pattern, name] = found;
  return { name, id: pattern.exec(path)[1] };
}

// In constant time, so that nobody finds the token letter by letter.
function isSame(given, wanted) {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(a, b);
}

/**
 * Serves the routes to callers that have the token.  An application with users of its own asks here who calls, and whether that user may
 * see this student.  log: is given an object for each answer of 500 and above.
 */
export function makeServer({ routes, token, log }) {
  const authorization = `Bearer ${token}`;
  let isClosing = false;

  async function answer(request, path, parameters) {
    if (path === '/healthz') return { name: 'healthz', status: isClosing ? 503 : 200, text: `{"success":${!isClosing}}` };
    if (!isSame(request.headers.authorization ?? '', authorization)) throw new Refusal(401, 'a token is needed');
    const { name, id } = find(request.method, path);
    try {
      return { name, ...await routes[name]({ id, parameters, request }) };
    } catch (error) {
      error.route = name;
      throw error;
    }
  }

  function refuse(error, began) {
    const refusal = error instanceof Refusal ? error : new Refusal(500, 'an error of the server');
    if (refusal.status >= 500) {
      // Of an error of this program the place, and not the message, which may have a value in it.
      const place = error === refusal ? undefined : `${error.name} ${error.stack?.split('\n').find((line) => line.includes(' at '))?.trim()}`;
      log({ route: error.route, status: refusal.status, message: refusal.message, sqlstate: refusal.sqlstate, ms: Date.now() - began, place });
    }
    const headers = { 401: { 'WWW-Authenticate': 'Bearer' }, 503: { 'Retry-After': '1' } }[refusal.status];
    return { status: refusal.status, text: JSON.stringify({ success: false, error: { message: refusal.message } }), headers };
  }

  const server = createServer(async (request, response) => {
    const began = Date.now();
    const [path, search] = request.url.split('?');
    const { status, text, headers } = await answer(request, path, new URLSearchParams(search)).catch((error) => refuse(error, began));
    response.writeHead(status, {
      'Content-Type': JSON_TYPE, 'Content-Length': Buffer.byteLength(text), 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff',
      ...headers, ...isClosing && { Connection: 'close' },
    });
    response.end(text);
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  server.keepAliveTimeout = 65_000;  // longer than that of the load balancer before it

  /** Takes no new requests, and waits for those that run; after `ms` it cuts them off.  Returns whether all came to their end. */
  function close(ms) {
    isClosing = true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        server.closeAllConnections();
        resolve(false);
      }, ms);
      server.close(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  return { server, close };
}
