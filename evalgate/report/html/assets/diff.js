// A word diff by Myers' greedy algorithm ("An O(ND) difference algorithm", 1986), on words, spaces and signs.
const MOST_EDITS = 700;

function words(text) {
  return text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
}

// Returns the furthest reaching path of every number of edits, or null where the texts differ too much.
function furthest(a, b) {
  const size = a.length + b.length;
  const most = Math.min(size, MOST_EDITS);
  const reach = new Int32Array(2 * most + 3);
  const middle = most + 1;
  const trace = [];
  for (let edits = 0; edits <= most; edits += 1) {
    trace.push(reach.slice(middle - edits - 1, middle + edits + 2));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && reach[middle + k - 1] < reach[middle + k + 1]);
      let x = down ? reach[middle + k + 1] : reach[middle + k - 1] + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach[middle + k] = x;
      if (x >= a.length && x - k >= b.length) return trace;
    }
  }
  return null;
}

// Returns which words of each side the other lacks.
function marks(a, b, trace) {
  const lost = new Uint8Array(a.length);
  const won = new Uint8Array(b.length);
  let [x, y] = [a.length, b.length];
  for (let edits = trace.length - 1; edits > 0; edits -= 1) {
    const reach = trace[edits];
    const at = (k) => reach[k + edits + 1];
    const k = x - y;
    const down = k === -edits || (k !== edits && at(k - 1) < at(k + 1));
    const from = down ? k + 1 : k - 1;
    const before = at(from);
    while (x > before + (down ? 0 : 1) && y > before - from + (down ? 1 : 0)) {
      x -= 1;
      y -= 1;
    }
    if (down) won[y - 1] = 1;
    else lost[x - 1] = 1;
    x = before;
    y = before - from;
  }
  return [lost, won];
}

function pieces(tokens, flags) {
  const found = [];
  for (let i = 0; i < tokens.length; i += 1) {
    // A space between two marked words belongs to them; read alone it would cut the mark in two.
    const bridge = !flags[i] && /^\s+$/.test(tokens[i]) && i > 0 && flags[i - 1] && flags[i + 1];
    const marked = Boolean(flags[i] || bridge);
    const last = found[found.length - 1];
    if (last && last.marked === marked) last.text += tokens[i];
    else found.push({ text: tokens[i], marked });
  }
  return found;
}

// Returns both texts in pieces, marked where they differ; null where there is too much to mark.
function diff(before, after) {
  const [a, b] = [words(before), words(after)];
  if (a.length + b.length > 40000) return null;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const trace = furthest(left, right);
  if (trace === null) return null;
  const [lost, won] = marks(left, right, trace);
  const whole = (tokens, flags) => {
    const all = new Uint8Array(tokens.length);
    all.set(flags, start);
    return pieces(tokens, all);
  };
  const found = [whole(a, lost), whole(b, won)];
  return found[0].length + found[1].length > 800 ? null : found;
}
