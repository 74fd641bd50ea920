// Polls the worker and shows what it says.  All text goes in as text, never as HTML.
"use strict";

const INTERVAL = 2000, KEPT = 150;  // five minutes
const history = { rate: [], oldest: [], hits: [], p95: [] };
let last = null;

const by = (id) => document.getElementById(id);
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const number = (value, digits = 0) => isNumber(value) ? value.toLocaleString("en", { maximumFractionDigits: digits }) : "–";
const seconds = (value) => !isNumber(value) ? "–" : value < 60 ? `${number(value, value < 10 ? 1 : 0)} s`
  : value < 3600 ? `${Math.floor(value / 60)} min ${Math.round(value % 60)} s` : `${Math.floor(value / 3600)} h ${Math.round(value % 3600 / 60)} min`;
const bytes = (value) => isNumber(value) ? `${number(value / 1048576, 1)} MB` : "–";

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function sparkline(values) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${KEPT} 30`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const known = values.filter(isNumber), most = Math.max(...known, 1e-9);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", values.map((v, i) => [KEPT - values.length + i, v]).filter(([, v]) => isNumber(v))
    .map(([x, v]) => `${x},${(28 - 26 * v / most).toFixed(1)}`).join(" "));
  svg.append(line);
  return svg;
}

function keep(name, value) {
  history[name].push(value);
  if (history[name].length > KEPT) history[name].shift();
  return history[name];
}

function tiles(status, figures) {
  const at = Date.now(), rows = status.since_start.rows;
  const rate = last && at > last.at ? Math.max(0, (rows - last.rows) * 1000 / (at - last.at)) : null;
  last = { at, rows };
  const shown = [
    ["Waiting changes", number(status.queue_rows)],
    ["Oldest waits", seconds(status.oldest_queue_row_seconds), keep("oldest", status.oldest_queue_row_seconds)],
    ["Changes a second", number(rate, 1), keep("rate", rate)],
    ["Hits", isNumber(figures.cache.hitRate) ? `${number(figures.cache.hitRate, 1)} %` : "–", keep("hits", figures.cache.hitRate)],
    ["p95", isNumber(figures.p95) ? `${number(figures.p95, 3)} ms` : "–", keep("p95", figures.p95)],
    ["Failed calls", isNumber(figures.errorRate) ? `${number(figures.errorRate, 2)} %` : "–"],
    ["Slow calls", number(figures.slowRequests)],
    ["Redis", figures.cache.connected ? `${number(figures.cache.dbSize)} keys, ${bytes(figures.cache.usedMemory)}` : "not reached"],
    ["Stores values", status.epoch_open ? "yes" : "no"],
    ["To be rebuilt", number(status.prewarm.backlog)],
    ["Audited", status.audit.checked ? `${number(status.audit.stale)} of ${number(status.audit.checked)} stale` : "–"],
    ["Fresh, with 95 % confidence", status.audit.checked ? status.audit.fresh_at_least : "–"],
  ];
  by("tiles").replaceChildren(...shown.map(([name, value, line]) => {
    const box = element("div"), dd = element("dd", value);
    if (line && line.filter(isNumber).length > 1) dd.append(sparkline(line));
    box.append(element("dt", name), dd);
    return box;
  }));
}

function work(status) {
  const lines = [];
  const add = (text, done) => {
    const p = element("p", text);
    lines.push(p);
    if (!isNumber(done)) return;
    const bar = element("progress");
    bar.max = 1;
    bar.value = Math.min(1, done);
    bar.setAttribute("aria-label", text);
    lines.push(bar);
  };
  const left = (value) => isNumber(value) ? `, ${seconds(value)} to go` : "";
  const behind = status.catching_up, sweep = status.sweeping;
  if (behind) add(`Catches up: ${number(behind.rows_left)} rows left, ${number(behind.rows_per_second)} a second${left(behind.seconds_left)}`);
  if (sweep) add(`Sweeps: ${number(sweep.keys_seen)} keys seen, ${number(sweep.keys_removed)} removed, ${number(sweep.keys_per_second)} a second${left(sweep.seconds_left)}`,
    sweep.keys_expected ? sweep.keys_seen / sweep.keys_expected : undefined);
  by("work").hidden = lines.length === 0;
  by("progress").replaceChildren(...lines);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = "Selected: press Ctrl+C";
  }
}

function findings(list) {
  const shown = JSON.stringify(list);
  if (findings.shown === shown) return;  // so that focus and selection stay
  findings.shown = shown;
  if (!Array.isArray(list)) return by("findings").replaceChildren(element("li", "Not known: the database has not been asked."));
  if (list.length === 0) return by("findings").replaceChildren(element("li", "wc_diagnose finds nothing to do."));
  by("findings").replaceChildren(...list.map((one) => {
    const item = element("li");
    item.append(element("strong", `${one.status}: ${one.check}`, one.status === "fail" ? "fail" : "warn"), element("div", one.detail ?? ""));
    if (one.remedy) {
      const button = element("button", "Copy the remedy");
      button.addEventListener("click", () => copy(one.remedy, button));
      item.append(element("pre", one.remedy), button);
    }
    return item;
  }));
}

function table(id, rows, columns, empty) {
  const cells = (texts) => { const tr = element("tr"); tr.append(...texts.map((t) => element("td", t))); return tr; };
  if (Array.isArray(rows) && rows.length) return by(id).replaceChildren(...rows.map((row) => cells(columns(row))));
  const td = element("td", Array.isArray(rows) ? empty : "Not known.");
  td.colSpan = columns({}).length;
  const tr = element("tr");
  tr.append(td);
  by(id).replaceChildren(tr);
}

// With one Redis alone the banner says it all.
function redises(targets) {
  const list = Array.isArray(targets) ? targets : [];
  by("several").hidden = list.length < 2;
  table("targets", list, (t) => [t.name, t.state, t.vouched ? "yes" : "no", number(t.queue_rows), seconds(t.oldest_queue_row_seconds),
    number(t.set_aside_students)], "None.");
  list.forEach((target, i) => {
    const state = by("targets").rows[i].cells[1];
    state.className = target.healthy ? "good" : "bad";
    state.title = target.detail ?? "";
  });
}

// The functions with calls in the last five minutes, the most called first.  null: not known.
function called(functions) {
  return Array.isArray(functions) ? functions.filter((f) => f.windowCalls > 0).sort((a, b) => b.windowCalls - a.windowCalls) : null;
}

function banner(level, state, detail) {
  by("banner").dataset.level = level;
  if (by("state").textContent !== state) by("state").textContent = state;
  by("detail").textContent = detail ?? "";
  document.title = `${state} – white_cross`;
}

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function refresh() {
  try {
    const [status, figures, slow] = await Promise.all(["status", "performance", "slow"].map((name) => ask(`/api/admin/${name}`)));
    const busy = ["catching up", "sweeping"].includes(status.state);
    banner(status.healthy ? busy || status.oldest_queue_row_seconds > 10 ? "warn" : "good" : "bad", status.state, status.detail);
    by("worker").textContent = `wc-worker ${status.version}, ${status.role}.`;
    by("age").textContent = `As of ${new Date().toLocaleTimeString()}.`;
    tiles(status, figures);
    redises(status.targets);
    work(status);
    findings(status.findings);
    table("functions", called(status.functions), (f) => [f.function, number(f.windowCalls), number(f.windowErrors), number(f.windowSlow),
      number(f.p50, 3), number(f.p95, 3), number(f.p99, 3)], "No calls.");
    table("slow", slow.calls, (c) => [c.endedAt, c.function, number(c.ms, 1), c.sqlstate ?? ""], "None.");
  } catch (error) {
    banner("bad", "no answer", `The worker does not answer (${error.message}); the figures below are old.`);
  }
  setTimeout(refresh, INTERVAL);
}

refresh();
