"""The word diff of the case view, run in the browser on many pairs of texts."""

from importlib.resources import files

TRIALS = """source => {
  const diff = new Function(`${source}; return diff;`)();
  let seed = 7;
  const random = below => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % below; };
  const word = () => ['the', 'parcel', 'is', 'late', ',', ' ', '\\n', 'ünï', '界', '.', '👍'][random(11)];
  const text = length => Array.from({length}, word).join(random(2) ? ' ' : '');
  const change = words => words.flatMap(each => random(5) ? [each] : random(2) ? [] : [each, word()]);
  const odd = [];
  for (let trial = 0; trial < 2000; trial += 1) {
    const before = text(random(40));
    const after = random(3) ? change(before.split(' ')).join(' ') : text(random(40));
    const found = diff(before, after);
    const whole = pieces => pieces.map(each => each.text).join('');
    const plain = pieces => pieces.filter(each => !each.marked).map(each => each.text).join('');
    const same = pieces => plain(pieces).replace(/\\s+/g, '');
    const ok = whole(found[0]) === before && whole(found[1]) === after && same(found[0]) === same(found[1]);
    if (!ok) odd.push([before, after, found]);
  }
  return odd.slice(0, 3);
}"""


def source():
    return files("evalgate.report.html").joinpath("assets", "diff.js").read_text("utf-8")


def test_the_pieces_are_the_texts_and_what_is_not_marked_is_common(chromium):
    page = chromium.new_page()
    assert page.evaluate(TRIALS, source()) == []


def test_a_change_of_one_word_marks_that_word(chromium):
    page = chromium.new_page()
    call = "([source, a, b]) => new Function(`${source}; return diff;`)()(a, b)"
    found = page.evaluate(call, [source(), "the parcel is late today", "the parcel was late today"])
    assert [piece["text"] for piece in found[0] if piece["marked"]] == ["is"]
    assert [piece["text"] for piece in found[1] if piece["marked"]] == ["was"]


def test_texts_that_differ_in_too_much_are_not_marked_at_all(chromium):
    page = chromium.new_page()
    call = "([source, a, b]) => new Function(`${source}; return diff;`)()(a, b)"
    before, after = " ".join(f"a{n}" for n in range(3000)), " ".join(f"b{n}" for n in range(3000))
    assert page.evaluate(call, [source(), before, after]) is None
