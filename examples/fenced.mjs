// A student's health summary from the cache, or else from the database and into the cache.
//
// redis: a client of the package redis.  query: of the package pg, (text, values) => pool.query(text, values).  patience: how
// long to wait for somebody else who is loading, in milliseconds; longer than loading takes.

export async function healthSummary(redis, query, student, patience = 1000) {
  const key = `student:${student}:health_summary`, giveUp = Date.now() + patience;
  const call = (name, ...words) => redis.fCall(name, { keys: [key], arguments: words.map(String) });
  for (let cached; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    if ((cached = await call('wc_get')) !== null) return JSON.parse(cached);
    if (await call('wc_lease', patience) === 1 || Date.now() > giveUp) break;
  }
  const found = await query('SELECT value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[$1])', [student]);
  const { value, ttl_seconds, snapshot } = found.rows[0] ?? { value: 'null', ttl_seconds: 1 };
  await call('wc_fill', value, ttl_seconds, snapshot ?? '');  // stores it, unless it is older than a change
  return JSON.parse(value);
}
