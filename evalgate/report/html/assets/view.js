const LONGEST = 20000;
const chunks = new Map();
let open = null;

function chunkOf(i) {
  const { starts } = head.suites[head.comparisons[state.at].suite];
  let at = starts.length - 1;
  while (starts[at] > i) at -= 1;
  return [at, i - starts[at]];
}

async function record(i) {
  const [at, place] = chunkOf(i);
  const id = `eg-s${head.comparisons[state.at].suite}-c${at}`;
  const known = chunks.get(id) || unpack(id);
  chunks.delete(id);
  chunks.set(id, known);
  if (chunks.size > 4) chunks.delete(chunks.keys().next().value);
  const { t: texts, c: cases } = await known;
  return withTexts(cases[place], texts);
}

// Records name their texts by number; this puts the texts back in.
function withTexts(found, texts) {
  const text = (number) => (number === null || number === undefined ? number : texts[number]);
  const trial = (each) => ({
    ...each,
    a: text(each.a),
    g: each.g && [each.g[0], each.g[1], text(each.g[2]), each.g[3]],
    k: each.k && [text(each.k[0]), ...each.k.slice(1)],
    s: each.s.map(([role, deployment, session, attempts, raw, form, lost]) => [role, deployment, session, attempts, text(raw), form, lost]),
  });
  const sides = Object.entries(found.r).map(([run, side]) => [run, { p: side.p, t: side.t.map(trial) }]);
  return { ...found, p: found.p.map((prompt) => prompt.map(([role, number]) => [role, text(number)])), r: Object.fromEntries(sides) };
}

// A long text is cut, with a button for the rest: a megabyte on one line takes a browser seconds.
function block(properties, text, parts, kind) {
  const box = make("div", properties);
  const fill = (limit) => {
    let left = limit;
    const nodes = [];
    for (const part of parts || [{ text, marked: false }]) {
      if (left <= 0) break;
      const shown = visible(part.text.slice(0, left));
      nodes.push(...(part.marked ? [make(kind, {}, ...shown)] : shown));
      left -= part.text.length;
    }
    box.replaceChildren(...nodes);
  };
  fill(LONGEST);
  if (text === "") box.append(make("span", { class: "empty", text: "(empty)" }));
  if (text.length <= LONGEST) return box;
  const more = make("button", { type: "button", text: `Show all ${text.length.toLocaleString("en-US")} characters` });
  more.addEventListener("click", () => {
    fill(Infinity);
    more.remove();
  });
  return make("div", {}, box, more);
}

const heading = (text) => make("h3", { text });

function prompts(found, sides) {
  const pair = sides.map((side) => (side && side.p !== null ? found.p[side.p] : null));
  if (found.untold) return [heading("Question"), make("p", { class: "empty", text: "This report does not hold the texts of this case." })];
  if (found.p.length === 0) return [heading("Question"), make("p", { class: "empty", text: "No recording of this prompt was found." })];
  const message = ([role, content], parts, kind) => make("div", {}, make("span", { class: "role", text: plainly(role) }), block({ class: "text" }, content, parts, kind));
  if (found.p.length === 1) return [heading("Prompt"), ...found.p[0].map((each) => message(each))];
  const columns = ["baseline", "candidate"].map((name) => make("div", {}, heading(`Prompt, ${name}`)));
  const most = Math.max(...pair.map((each) => (each ? each.length : 0)));
  for (let turn = 0; turn < most; turn += 1) {
    const [left, right] = pair.map((each) => each && each[turn]);
    const marked = left && right && left[0] === right[0] ? diff(left[1], right[1]) : null;
    if (left) columns[0].append(message(left, marked && marked[0], "del"));
    if (right) columns[1].append(message(right, marked && marked[1], "ins"));
  }
  return [make("div", { class: "pair" }, ...columns)];
}

function answerText(trial) {
  if (trial.f) return "";
  const tools = (trial.tools || []).map(([name, given]) => `${name}(${given})`);
  return [...(trial.a ? [trial.a] : []), ...tools].join("\n");
}

function answer(trial, role, parts, kind) {
  if (trial.f) {
    const why = trial.f[1] || trial.f[0];
    return make("div", { class: `text ${role}` }, badge("no answer", "unsure"), " ", ...visible(why));
  }
  if (trial.a === undefined) return make("p", { class: "empty", text: "This report does not hold this answer." });
  return block({ class: `text ${role}` }, answerText(trial), parts, kind);
}

function grade(trial) {
  if (!trial.g) return make("p", { class: "grade empty", text: "not graded" });
  const [score, right, reason, label] = trial.g;
  const said = [badge(right ? "right" : "wrong", right ? "good" : "bad"), `, score ${significant(score, 3)}`];
  if (trial.unread) said.push(" ", badge("cannot be read", "unsure"));
  if (trial.cut) said.push(" ", badge("cut off by its limit of tokens", "unsure"));
  if (label) said.push(", read as ", make("bdi", {}, ...visible(label)));
  if (reason) said.push(sub(make("bdi", {}, ...visible(reason))));
  return make("p", { class: "grade" }, ...said);
}

const sub = (...children) => make("span", { class: "sub" }, ...children);

const HITS = {
  right: ["right hit", "good"], merged: ["false hit: another question's answer", "bad"],
  stale: ["false hit: right when it was stored", "bad"], wrong: ["false hit: a fresh answer is better", "bad"],
  neutral: ["wrong, as a fresh answer is", "quiet"], unlabelled: ["nothing tells whether this hit is right", "quiet"],
};

function cacheLine([key, hit, source, kind, near, waited]) {
  const said = [make("b", { text: hit ? "Cache hit" : "Cache miss" })];
  if (hit && source) said.push(", answer of case ", make("bdi", {}, ...visible(source)));
  if (near !== null && near !== undefined) said.push(`, cosine ${significant(near, 3)}`);
  if (waited) said.push(`, waited ${seconds(waited)} for the one on its way`);
  if (kind && HITS[kind]) said.push(" ", badge(...HITS[kind]));
  if (key) said.push(sub("key ", make("code", {}, ...visible(key.slice(0, 2000)))));
  return make("li", {}, ...said);
}

function attemptLine([wait, latency, ttft, error, status, sum, speed, faultAt], number, several) {
  const said = [several ? `attempt ${number}: ` : "", error ? `failed, ${error}` : "answered"];
  if (status) said.push(` (${status})`);
  said.push(` after ${seconds(latency)}`);
  if (ttft !== null) said.push(`, first token after ${seconds(ttft)}`);
  if (speed !== null) said.push(`, then ${significant(speed, 3)} tokens/s`);
  if (wait) said.push(`, waited ${seconds(wait)} before`);
  if (faultAt !== undefined) said.push(`; met a fault at ${faultAt.toLocaleString("en-US", { maximumFractionDigits: 2 })} s of the cases' clock`);
  return [sub(said.join("")), ...(sum ? [sub(sum)] : [])];
}

function stepLine([role, deployment, session, attempts, raw, form, lost]) {
  const failed = attempts.length === 0 || attempts[attempts.length - 1][3] !== null;
  const name = role === "generate" ? "Call to" : `${ROLES[role]} to`;
  const item = make("li", { class: failed ? "wrong" : null }, make("b", { text: `${name} ${plainly(deployment)}` }), form ? `, ${plainly(form)}` : "");
  attempts.forEach((each, index) => item.append(...attemptLine(each, index + 1, attempts.length > 1)));
  if (lost) item.append(sub("another call answered first; what was sent is paid for"));
  if (session) item.append(sub("session ", make("code", {}, ...visible(session))));
  if (raw !== null) item.append(sub("before response rules:"), block({ class: "text" }, raw));
  return item;
}

function stageLine([deployment, confidence, accepted]) {
  const sure = confidence === null ? "the last one asked" : `confidence ${significant(confidence, 3)}`;
  const then = accepted ? "its answer is served" : "escalated";
  return make("li", {}, make("b", { text: `Cascade: ${plainly(deployment)}` }), `, ${sure}: ${then}`);
}

const ROLES = { fallback: "Fallback, call", hedge: "Beside it, a second call", escalate: "Escalation, call", sample: "Another sample, call", check: "Verifier, call", verify: "Verifier of the cache, call", embed: "Embedding, call" };

function tokenTimes(trial) {
  if (trial.b) return [sub(`answered by a batch API within ${seconds(trial.b)}; the times of its calls are those of calls made at once`)];
  if (!trial.t) return [];
  const [first, each, why] = trial.t;
  const said = [];
  if (first !== null) said.push(`first token seen after ${seconds(first)}`);
  if (each !== null) said.push(`${seconds(each)} for each after it`);
  if (why) said.push(`times of tokens unknown: ${why}`);
  return [sub(...visible(said.join(", ")))];
}

function path(trial) {
  const list = make("ol", { class: "path" });
  if (trial.k) list.append(cacheLine(trial.k));
  if (trial.o) {
    const [score, strong, deployment] = trial.o;
    const side = strong ? "strong" : "weak";
    list.append(make("li", {}, make("b", { text: `Router: score ${significant(score, 4)}` }), ` sent it to ${plainly(deployment)}${deployment === side ? "" : `, the ${side} one`}`));
  }
  if (trial.c) list.append(...trial.c.map(stageLine));
  for (const alias of trial.x || []) list.append(make("li", {}, make("b", { text: `Left alone: ${plainly(alias)}` }), ", which cools down after failures"));
  for (const step of trial.s) list.append(stepLine(step));
  const cost = trial.usd === undefined ? `cost unknown: ${trial.unpriced}` : usd(trial.usd);
  list.append(make("li", {}, make("b", { text: "Total" }), ` ${seconds(trial.l)}, `, ...visible(cost), ...tokenTimes(trial)));
  return list;
}

function trialPart(sides, number, several) {
  const trials = sides.map((side) => side && side.t[number]);
  const [before, after] = trials;
  const marked = before && after && before.a !== undefined && after.a !== undefined ? diff(answerText(before), answerText(after)) : null;
  const same = before && after && !before.f && !after.f && before.a !== undefined && answerText(before) === answerText(after);
  const names = sides[0] ? ["baseline", "candidate"] : [null, "answer"];
  const parts = trials.map((trial, at) => {
    if (!trial) return null;
    const run = at === 0 ? head.comparisons[state.at].baseline : head.comparisons[state.at].candidate;
    const title = `${names[at]}: ${plainly(run)}${several ? `, trial ${trial.n}` : ""}${same && at === 1 ? ", same answer" : ""}`;
    return make("div", {}, heading(title[0].toUpperCase() + title.slice(1)), answer(trial, at === 0 ? "base" : "cand", marked && marked[at], at === 0 ? "del" : "ins"), grade(trial), heading("Path"), path(trial));
  });
  return make("div", { class: "pair" }, ...parts);
}

function fillCase(found, i) {
  const comparison = head.comparisons[state.at];
  const sides = [comparison.before, comparison.after].map((run) => (run === null ? null : found.r[String(run)]));
  const body = byId("case-body");
  const expected = suite.targets && suite.targets[i] ? [heading("Expected"), block({ class: "text" }, suite.targets[i])] : [];
  const count = Math.max(...sides.map((side) => (side ? side.t.length : 0)));
  const trials = Array.from({ length: count }, (_, number) => trialPart(sides, number, count > 1));
  const [text, style] = (table.before ? KINDS : ALONE)[table.kind[i]];
  byId("case-title").replaceChildren(make("bdi", {}, ...visible(suite.ids[i])));
  const slices = Object.entries(suite.slices).map(([key, column]) => [key, column.values[column.codes[i]]]).filter(([, value]) => value);
  byId("case-badge").replaceChildren(badge(text, style), make("span", { class: "eyebrow", text: slices.map(([key, value]) => ` · ${plainly(key)} ${plainly(value)}`).join("") }));
  body.replaceChildren(...prompts(found, sides), ...expected, ...trials);
  body.scrollTop = 0;
}

async function openCase(i) {
  const found = await record(i);
  fillCase(found, i);
  open = i;
  const at = state.found.indexOf(i);
  byId("case-previous").disabled = at <= 0;
  byId("case-next").disabled = at < 0 || at >= state.found.length - 1;
  const dialog = byId("case");
  if (!dialog.open) {
    dialog.showModal();
    byId("case-body").focus();
  }
  history.replaceState(null, "", `#${address(i)}`);
  root.dataset.case = suite.ids[i];
}

function step(by) {
  const next = state.found[state.found.indexOf(open) + by];
  if (next !== undefined) openCase(next);
}

// Back to where the reader was: on the row of the case that was open last.
function closed() {
  const at = state.found.indexOf(open);
  open = null;
  delete root.dataset.case;
  history.replaceState(null, "", "#cases");
  if (at < 0) return;
  const page = Math.floor(at / PAGE);
  if (page !== state.page) {
    state.page = page;
    draw();
  }
  focusRow(at - page * PAGE);
}

async function follow() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const id = asked.get("case");
  if (id === null) return;
  const at = Number(asked.get("in") || state.at);
  if (at !== state.at && head.comparisons[at]) {
    await choose(at);
    refresh();
  }
  const i = suite.ids.findIndex((each) => plainly(each) === id);
  if (i < 0) return;
  if (!state.found.includes(i)) showOnly("all");
  if (open !== i) openCase(i);
}
