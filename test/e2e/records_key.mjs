// What JavaScript makes of filters, for a test of cache keys: lines of {"source": JSON text, "spelled": JSON.stringify of it}.
const seed = { at: Number(process.argv[2]) };
const random = (below) => (seed.at = (seed.at * 48271) % 2147483647) % below;
const pieces = ['a', 'É', 'ß', '\u{1F9EA}', '"', '\\', '/', '\b', '\f', '\n', '\r', '\t', '\u0001', '\u001f', '\u007f', '\u2028', '\u2029',
  '\ufeff', '\ufffd', '{', '}', ':', ' ', "'", '</script>', 'Dr. O\u2019Neil', '%', '_'];
const text = () => Array.from({ length: random(6) }, () => pieces[random(pieces.length)]).join('');
const names = ['type', 'dateFrom', 'dateTo', 'provider'];

// The same text with other escapes, as another JSON writer may have made it.
const escaped = (json) => json.replace(/[^"\\{}:, \n\t]/gu, (c) => random(3) || c < ' ' ? c
  : Array.from({ length: c.length }, (_, i) => '\\u' + c.charCodeAt(i).toString(16).padStart(4, '0')).join(''));

for (let n = 0; n < 500; ++n) {
  const members = Array.from({ length: random(6) }, () => {
    const value = random(5) ? text() : null;
    return JSON.stringify(names[random(4)]) + (random(2) ? ':' : ' : ') + JSON.stringify(value);
  });
  let source = '{' + members.join(random(2) ? ',' : ' ,\n\t') + '}';
  if (!source.includes('\\') && !source.includes('null') && random(2)) source = escaped(source);
  console.log(JSON.stringify({ source, spelled: JSON.stringify(JSON.parse(source)) }));
}
