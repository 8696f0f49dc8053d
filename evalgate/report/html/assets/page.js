const byId = (id) => document.getElementById(id);

// Every text reaches the page as text: there is no innerHTML here, and Trusted Types would refuse one.
function make(name, properties, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") node.className = value;
    else if (key === "text") node.textContent = value;
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// What cannot be seen and might fool a reader: controls, format characters, bidi, tags, lone surrogates.
// Escapes instead of the characters themselves, so that this file is plain to read.
const ODD = /(?:(?<!\p{Extended_Pictographic}\ufe0f?)\u200d|(?![\n\t\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5])/u;
const ODDS = new RegExp(`(${ODD.source})`, "u");

function escaped(char) {
  const code = char.codePointAt(0);
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}

function visible(text) {
  if (!ODD.test(text)) return [document.createTextNode(text)];
  return text.split(ODDS).filter((part) => part !== "").map((part) => (
    part.length <= 2 && ODD.test(part) ? make("span", { class: "odd", text: escaped(part) }) : document.createTextNode(part)
  ));
}

function plainly(text) {
  return ODD.test(text) ? text.split(ODDS).map((part) => (part.length <= 2 && ODD.test(part) ? escaped(part) : part)).join("") : text;
}

const SVG = "http://www.w3.org/2000/svg";
const STROKES = {
  good: "M4.5 10.5l3.6 3.6 7.4-8.2",
  bad: "M5.2 5.2l9.6 9.6M14.8 5.2l-9.6 9.6",
  unsure: "M7 7.4a3 3 0 1 1 4.4 2.6c-.9.5-1.4 1-1.4 2.2M10 15.2v.2",
  quiet: "M5.5 10h9",
};

function badge(text, style) {
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("viewBox", "0 0 20 20");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  const stroke = document.createElementNS(SVG, "path");
  stroke.setAttribute("d", STROKES[style]);
  icon.append(stroke);
  return make("span", { class: `badge ${style}` }, icon, text);
}

// The letters of packed blocks: what can be printed, less what HTML gives a meaning to.
const VALUES = new Uint8Array(127);
let letters = 0;
for (let code = 0x21; code < 0x7f; code += 1) {
  if (!"<>&".includes(String.fromCharCode(code))) {
    VALUES[code] = letters;
    letters += 1;
  }
}

// Two letters are 13 bits, a number of two digits to the base 91.
function bytesOf(packed, count) {
  const bytes = new Uint8Array(count);
  let [held, bits, at] = [0, 0, 0];
  for (let i = 0; i < packed.length; i += 2) {
    held = (held << 13) | (VALUES[packed.charCodeAt(i)] * letters + VALUES[packed.charCodeAt(i + 1)]);
    bits += 13;
    while (bits >= 8 && at < count) {
      bits -= 8;
      bytes[at] = held >> bits;
      at += 1;
    }
    held &= (1 << bits) - 1;
  }
  return bytes;
}

// Blocks of data are packed JSON in such letters in inert scripts; one is unpacked when it is needed.
async function unpack(id) {
  const block = byId(id);
  const bytes = bytesOf(block.textContent, Number(block.dataset.bytes));
  if (block.dataset.plain) return JSON.parse(new TextDecoder().decode(bunzip(bytes, Number(block.dataset.plain))));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

function significant(number, digits) {
  if (number === 0) return "0";
  const after = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(Number(number.toPrecision(digits))))));
  return number.toLocaleString("en-US", { minimumFractionDigits: Math.min(after, 20), maximumFractionDigits: Math.min(after, 20) }).replace("-", "−");
}

const usd = (amount) => (amount === null || amount === undefined ? "n/a" : amount < 0 ? `−$${significant(-amount, 3)}` : `$${significant(amount, 3)}`);
const seconds = (time) => (Math.abs(time) >= 7200 ? `${significant(time / 3600, 3)} h` : Math.abs(time) >= 0.1 || time === 0 ? `${significant(time, 3)} s` : `${significant(time * 1000, 3)} ms`);
const signed = (value, format) => (value > 0 ? `+${format(value)}` : value < 0 ? format(value) : "0");

const root = document.documentElement;
const head = byId("eg-head") ? JSON.parse(byId("eg-head").textContent) : null;
