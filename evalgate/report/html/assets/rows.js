const PAGE = 100;
const KINDS = [["broke", "bad"], ["fixed", "good"], ["both wrong", "quiet"], ["both right", "quiet"], ["not graded", "quiet"]];
const ALONE = [["", "quiet"], ["", "quiet"], ["wrong", "bad"], ["right", "good"], ["not graded", "quiet"]];
const [FAILED, OTHER_ANSWER, OTHER_ROUTE, CACHE_HIT, RETRIED, FALSE_HIT, FAULT, UNREADABLE, FIRST_ROLE] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const SHOWS = [
  ["all", "all cases", () => true],
  ["flips", "broke or fixed", (t, i) => t.kind[i] < 2],
  ["broke", "broke", (t, i) => t.kind[i] === 0],
  ["fixed", "fixed", (t, i) => t.kind[i] === 1],
  ["wrong", "both wrong", (t, i) => t.kind[i] === 2],
  ["right", "both right", (t, i) => t.kind[i] === 3],
  ["other", "different answers", (t, i) => (t.flags[i] & OTHER_ANSWER) !== 0],
  ["unread", "cannot be read", (t, i) => (t.flags[i] & UNREADABLE) !== 0],
  ["failed", "no answer", (t, i) => (t.flags[i] & FAILED) !== 0],
  ["ungraded", "not graded", (t, i) => t.kind[i] === 4],
];
const ALONE_SHOWS = { wrong: "wrong", right: "right" };
// What a case's path may hold; a policy's own kinds of calls (fallbacks, checks of an answer) come from the data.
const PATHS = [
  ["moved", "other deployment", (t, i) => (t.flags[i] & OTHER_ROUTE) !== 0],
  ["hit", "cache hit", (t, i) => (t.flags[i] & CACHE_HIT) !== 0],
  ["false", "false cache hit", (t, i) => (t.flags[i] & FALSE_HIT) !== 0],
  ["retried", "retried", (t, i) => (t.flags[i] & RETRIED) !== 0],
  ["fault", "met a fault", (t, i) => (t.flags[i] & FAULT) !== 0],
];

const state = { at: 0, show: "all", slice: "", path: "", words: [], sort: "", down: true, page: 0, found: [], row: -1 };
const loaded = { comparisons: new Map(), suites: new Map() };
let table = null;
let suite = null;
// How the numbers of the shown comparison are written, so that they stand under each other, and its columns.
let formats = {};
let shownColumns = [];

async function load(at) {
  const comparison = head.comparisons[at];
  if (!loaded.suites.has(comparison.suite)) loaded.suites.set(comparison.suite, unpack(`eg-s${comparison.suite}`));
  if (!loaded.comparisons.has(at)) loaded.comparisons.set(at, unpack(`eg-i${at}`));
  const [rows, shared] = await Promise.all([loaded.comparisons.get(at), loaded.suites.get(comparison.suite)]);
  if (!rows.haystack) {
    rows.haystack = shared.ids.map((id, i) => [
      id, shared.asked && shared.asked[i], shared.targets && shared.targets[i],
      rows.before && rows.before.said && rows.before.said[i], rows.after.said && rows.after.said[i],
    ].filter(Boolean).join("\u0000").toLowerCase());
  }
  return [rows, shared];
}

async function choose(at) {
  [table, suite] = await load(at);
  state.at = at;
  formats = { usd: inColumn("usd", usd, (size) => ["$", 1, size]), s: inColumn("s", seconds, (size) => (size < 0.1 ? ["ms", 1000, size * 1000] : ["s", 1, size])) };
  byId("pick-comparison").value = String(at);
  fillChoices();
  headings();
}

function paths() {
  const roles = table.roles.map((role, at) => [`role\u0000${role}`, `with a ${role} call`, (t, i) => (t.flags[i] & (FIRST_ROLE << at)) !== 0]);
  return [...PATHS, ...roles];
}

function options(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value, text: plainly(text) })));
}

function fillChoices() {
  const count = (test) => table.kind.reduce((sum, _, i) => sum + (test(table, i) ? 1 : 0), 0);
  const shows = SHOWS.map(([value, text, test]) => [value, table.before ? text : ALONE_SHOWS[value] || text, count(test)]);
  const useful = shows.filter(([value, , n]) => value === "all" || (n && (table.before || !["flips", "broke", "fixed", "other"].includes(value))));
  options(byId("pick-kind"), useful.map(([value, text, n]) => [value, `${text} (${n.toLocaleString("en-US")})`]));
  const slices = Object.entries(suite.slices).flatMap(([key, column]) => (
    column.values.length > 60 ? [] : column.values.map((value, code) => [`${key}\u0000${code}`, `${key}: ${value || "(none)"}`])
  ));
  options(byId("pick-slice"), [["", "all"], ...slices]);
  const aliases = [...new Set([...(table.before ? table.before.by.values : []), ...table.after.by.values])].filter(Boolean);
  const taken = paths().filter(([, , test]) => count(test) > 0).map(([value, text]) => [value, text]);
  options(byId("pick-path"), [["", "all"], ...taken, ...aliases.map((alias) => [`by\u0000${alias}`, `served by ${alias}`])]);
  state.slice = "";
  state.path = "";
  if (!useful.some(([value]) => value === state.show)) state.show = "all";
  byId("pick-kind").value = state.show;
}

function tests() {
  const wanted = [];
  const show = SHOWS.find(([value]) => value === state.show);
  if (state.show !== "all") wanted.push((i) => show[2](table, i));
  if (state.slice) {
    const [key, code] = state.slice.split("\u0000");
    const { codes } = suite.slices[key];
    wanted.push((i) => codes[i] === Number(code));
  }
  if (state.path.startsWith("by\u0000")) {
    const alias = state.path.slice(3);
    const sides = [table.before, table.after].filter(Boolean).map(({ by }) => [by.codes, by.values.indexOf(alias)]);
    wanted.push((i) => sides.some(([codes, code]) => codes[i] === code));
  } else if (state.path) {
    const path = paths().find(([value]) => value === state.path);
    wanted.push((i) => path[2](table, i));
  }
  for (const word of state.words) wanted.push((i) => table.haystack[i].includes(word));
  return wanted;
}

const change = (name) => (i) => {
  const [before, after] = [table.before ? table.before[name][i] : 0, table.after[name][i]];
  return before === null || after === null ? NaN : after - before;
};
// Returns a format with as many decimals as show three digits of a usual number: one unit for the whole column.
function inColumn(name, otherwise, unitOf) {
  const sizes = table.kind.map((_, i) => Math.abs(change(name)(i))).filter((size) => size > 0).sort((a, b) => a - b);
  if (!sizes.length) return otherwise;
  const [unit, factor, usual] = unitOf(sizes[sizes.length >> 1]);
  const digits = Math.min(20, Math.max(unit === "$" ? 2 : 0, 2 - Math.floor(Math.log10(usual))));
  const written = (value) => Math.abs(value * factor).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (value) => `${value < 0 ? "−" : ""}${unit === "$" ? `$${written(value)}` : `${written(value)} ${unit}`}`;
}

const SORTS = {
  result: { value: (i) => table.kind[i] },
  case: { value: (i) => i },
  by: { value: (i) => (table.flags[i] & OTHER_ROUTE ? 0 : 1) },
  usd: { value: (i) => change("usd")(i), down: true },
  s: { value: (i) => change("s")(i), down: true },
};

function find() {
  const wanted = tests();
  let found = table.order.filter((i) => wanted.every((test) => test(i)));
  if (state.sort) {
    const { value } = SORTS[state.sort];
    const keys = new Map(found.map((i) => [i, value(i)]));
    const way = state.down ? -1 : 1;
    found = found.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return way * (x - y);
    });
  }
  state.found = found;
  state.page = Math.min(state.page, Math.max(0, Math.ceil(found.length / PAGE) - 1));
  state.row = -1;
}

// Every column's key to sort by, if any, its name, and the shorter one that stands in the cells of a narrow page.
function columns() {
  const paired = table.before !== null;
  const shown = [["result", "result"], ["case", "case"]];
  if (suite.targets) shown.push(["", "expected"]);
  if (table.after.said) shown.push(...(paired ? [["", "baseline"], ["", "candidate"]] : [["", "answer"]]));
  return [...shown, ["by", "served by"], ["usd", paired ? "cost change" : "cost", "cost"], ["s", paired ? "latency change" : "latency", "latency"]];
}

function headings() {
  shownColumns = columns();
  byId("case-head").replaceChildren(...shownColumns.map(([key, text]) => {
    const numeric = key === "usd" || key === "s" ? "num" : null;
    if (!key) return make("th", { scope: "col", role: "columnheader", text });
    const sorted = state.sort === key ? (state.down ? "descending" : "ascending") : null;
    const arrow = make("span", { "aria-hidden": "true", text: sorted ? (state.down ? "↓" : "↑") : "↕" });
    const button = make("button", { type: "button", "data-sort": key }, text, arrow);
    return make("th", { scope: "col", role: "columnheader", class: numeric, "aria-sort": sorted }, button);
  }));
}

function sideText(side, i) {
  const said = side.said[i];
  if (said) return visible(said);
  return [make("span", { class: "empty", text: table.flags[i] & FAILED ? "no answer" : "(empty)" })];
}

function served(i) {
  const after = table.after.by.values[table.after.by.codes[i]] || "nobody";
  if (!table.before) return plainly(after);
  const before = table.before.by.values[table.before.by.codes[i]] || "nobody";
  return plainly(before === after ? after : `${before} → ${after}`);
}

function row(i) {
  const [text, style] = (table.before ? KINDS : ALONE)[table.kind[i]];
  const link = make("a", { href: `#${address(i)}`, "data-case": i, dir: "auto" }, ...visible(suite.ids[i]));
  const asked = suite.asked && suite.asked[i] ? make("span", { class: "asked", dir: "auto" }, ...visible(suite.asked[i])) : null;
  const cells = [["td", { class: `kind ${style}`, text }], ["th", { scope: "row" }, link, asked]];
  if (suite.targets) cells.push(["td", { class: "said-cell", dir: "auto" }, ...visible(suite.targets[i])]);
  if (table.after.said) {
    for (const side of table.before ? [table.before, table.after] : [table.after]) {
      cells.push(["td", { class: "said-cell", dir: "auto" }, ...sideText(side, i)]);
    }
  }
  const by = served(i);
  cells.push(["td", { class: "by", text: by, title: by.length > 24 ? by : null }]);
  for (const [name, format] of Object.entries(formats)) {
    const value = change(name)(i);
    const shown = Number.isNaN(value) ? "n/a" : table.before ? signed(value, format) : format(value);
    cells.push(["td", { class: "num", text: shown }]);
  }
  return make("tr", { role: "row" }, ...cells.map(([name, properties, ...children], at) => {
    const [, text, short] = shownColumns[at];
    return make(name, { role: name === "th" ? "rowheader" : "cell", "data-label": at > 1 ? short || text : null, ...properties }, ...children);
  }));
}

function address(i) {
  const name = `case=${encodeURIComponent(plainly(suite.ids[i]))}`;
  return head.comparisons.length > 1 ? `${name}&in=${state.at}` : name;
}

function draw() {
  const first = state.page * PAGE;
  const shown = state.found.slice(first, first + PAGE);
  byId("case-rows").replaceChildren(...shown.map(row));
  const total = state.found.length.toLocaleString("en-US");
  const said = shown.length ? `${(first + 1).toLocaleString("en-US")} to ${(first + shown.length).toLocaleString("en-US")} of ${total} cases` : "No case matches.";
  byId("case-count").textContent = said;
  byId("page-previous").disabled = state.page === 0;
  byId("page-next").disabled = first + PAGE >= state.found.length;
}

function refresh() {
  find();
  draw();
}

function turn(by) {
  state.page += by;
  state.row = -1;
  draw();
  byId("case-head").closest("table").scrollIntoView({ block: "start" });
}

function showOnly(show) {
  Object.assign(state, { show, slice: "", path: "", words: [], page: 0 });
  byId("search").value = "";
  byId("pick-slice").value = "";
  byId("pick-path").value = "";
  byId("pick-kind").value = show;
  refresh();
}

function startTable() {
  byId("search").addEventListener("input", (event) => {
    state.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    state.page = 0;
    refresh();
  });
  for (const [id, name] of [["pick-kind", "show"], ["pick-slice", "slice"], ["pick-path", "path"]]) {
    byId(id).addEventListener("change", (event) => {
      state[name] = event.target.value;
      state.page = 0;
      refresh();
    });
  }
  byId("pick-comparison").addEventListener("change", async (event) => {
    await choose(Number(event.target.value));
    state.page = 0;
    refresh();
  });
  byId("reset").addEventListener("click", () => {
    state.sort = "";
    headings();
    showOnly("all");
  });
  byId("page-previous").addEventListener("click", () => turn(-1));
  byId("page-next").addEventListener("click", () => turn(1));
  byId("case-head").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const key = button.dataset.sort;
    const same = state.sort === key;
    state.down = same ? !state.down : SORTS[key].down === true;
    state.sort = key;
    headings();
    refresh();
    byId("case-head").querySelector(`[data-sort=${key}]`).focus();
  });
}
