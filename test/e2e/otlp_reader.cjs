// Reads OTLP's JSON with the code that OpenTelemetry generates from its protocol buffers, and prints what that understood: one line
// for each line {"signal": "metrics" or "traces", "body": a request} of the input.
const readline = require('readline');
const root = require(require.resolve('@opentelemetry/otlp-transformer').replace(/build\/.*/, 'build/src/generated/root'));

const { collector } = root.opentelemetry.proto;
const REQUESTS = {
  metrics: collector.metrics.v1.ExportMetricsServiceRequest,
  traces: collector.trace.v1.ExportTraceServiceRequest,
};

// OTLP's JSON has ids in hexadecimal digits, where that of protocol buffers has base64.
function recode(value, from, to) {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((one) => recode(one, from, to));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [
    key, /^(traceId|spanId|parentSpanId)$/.test(key) ? Buffer.from(one, from).toString(to) : recode(one, from, to)]));
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { signal, body } = JSON.parse(line);
  const Request = REQUESTS[signal];
  const message = Request.fromObject(recode(body, 'hex', 'base64'));
  const wrong = Request.verify(message);
  if (wrong) throw new Error(wrong);
  const understood = Request.toObject(Request.decode(Request.encode(message).finish()), { longs: String, bytes: String });
  process.stdout.write(JSON.stringify(recode(understood, 'base64', 'hex')) + '\n');
});
