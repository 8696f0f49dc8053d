// Unpacks bzip2 (Seward 1996), which browsers cannot: on prose it is a fifth smaller than gzip, which they can.
// A block is undone in the opposite order of its making: Huffman codes, runs of zeros and move to front give the
// last column of the sorted rotations; walking its sort order gives the text, in which runs of four stand for more.
const BLOCK = 0x314159;
const GROUP = 50;
const LONGEST_CODE = 20;

class Bits {
  constructor(bytes) {
    Object.assign(this, { bytes, at: 0, held: 0, count: 0 });
  }

  // At most 24 at once; past the end there are zeros.
  peek(count) {
    while (this.count < count) {
      this.held = (this.held << 8) | (this.at < this.bytes.length ? this.bytes[this.at] : 0);
      this.at += 1;
      this.count += 8;
    }
    return (this.held >>> (this.count - count)) & ((1 << count) - 1);
  }

  take(count) {
    const found = this.peek(count);
    this.count -= count;
    return found;
  }
}

// Returns which of the 256 bytes occur, in order.
function usedBytes(bits) {
  const ranges = bits.take(16);
  const used = [];
  for (let high = 0; high < 16; high += 1) {
    const range = ranges & (0x8000 >> high) ? bits.take(16) : 0;
    for (let low = 0; low < 16; low += 1) if (range & (0x8000 >> low)) used.push(high * 16 + low);
  }
  return used;
}

// Returns which table each group of 50 symbols is coded with; the list is moved to front.
function selectors(bits, tables) {
  const order = Array.from({ length: tables }, (_, i) => i);
  return Uint8Array.from({ length: bits.take(15) }, () => {
    let place = 0;
    while (bits.take(1)) place += 1;
    order.unshift(...order.splice(place, 1));
    return order[0];
  });
}

// Returns a table from the next 20 bits' upper part to symbol and length: canonical codes, shorter ones first.
function codeTable(bits, symbols) {
  let length = bits.take(5);
  const lengths = Array.from({ length: symbols }, () => {
    while (bits.take(1)) length += bits.take(1) ? -1 : 1;
    return length;
  });
  const [limits, offsets, sorted] = [new Int32Array(LONGEST_CODE + 2), new Int32Array(LONGEST_CODE + 2), []];
  let code = 0;
  for (let size = 1; size <= LONGEST_CODE; size += 1) {
    offsets[size] = sorted.length - code;
    lengths.forEach((each, symbol) => {
      if (each === size) sorted.push(symbol);
    });
    code = sorted.length - offsets[size];
    limits[size] = code << (LONGEST_CODE - size);
    code <<= 1;
  }
  return { limits, offsets, sorted: Uint16Array.from(sorted), least: Math.min(...lengths) };
}

// Fills `column` with the block's last column and returns its length.
function lastColumn(bits, column) {
  const front = Uint8Array.from(usedBytes(bits));
  const end = front.length + 1;
  const tables = bits.take(3);
  const chosen = selectors(bits, tables);
  const codes = Array.from({ length: tables }, () => codeTable(bits, end + 1));
  let [size, run, weight] = [0, 0, 1];
  for (let read = 0; ; read += 1) {
    const { limits, offsets, sorted, least } = codes[chosen[Math.floor(read / GROUP)]];
    const next = bits.peek(LONGEST_CODE);
    let length = least;
    while (next >= limits[length]) length += 1;
    bits.count -= length;
    const symbol = sorted[(next >>> (LONGEST_CODE - length)) + offsets[length]];
    if (symbol < 2) {
      run += weight << symbol;
      weight <<= 1;
      continue;
    }
    if (run) {
      column.fill(front[0], size, size + run);
      size += run;
      [run, weight] = [0, 1];
    }
    if (symbol === end) return size;
    const byte = front[symbol - 1];
    front.copyWithin(1, 0, symbol - 1);
    front[0] = byte;
    column[size] = byte;
    size += 1;
  }
}

// Writes the text whose sorted rotations end in `column`, and returns where it ends.
function unsort(column, size, origin, out, start) {
  const starts = new Int32Array(256);
  for (let i = 0; i < size; i += 1) starts[column[i]] += 1;
  for (let byte = 0, sum = 0; byte < 256; byte += 1) [starts[byte], sum] = [sum, sum + starts[byte]];
  // The upper bits lead to the next row, the lower ones are this row's byte: one memory access a letter.
  const rows = new Uint32Array(size);
  for (let i = 0; i < size; i += 1) {
    const byte = column[i];
    rows[starts[byte]] |= i << 8;
    starts[byte] += 1;
    rows[i] |= byte;
  }
  let [at, row, last, same] = [start, rows[origin] >>> 8, -1, 0];
  for (let i = 0; i < size; i += 1) {
    const byte = rows[row] & 0xff;
    row = rows[row] >>> 8;
    if (same === 4) {
      out.fill(last, at, at + byte);
      at += byte;
      [same, last] = [0, -1];
      continue;
    }
    same = byte === last ? same + 1 : 1;
    last = byte;
    out[at] = byte;
    at += 1;
  }
  return at;
}

// Returns the `size` bytes that `bytes` hold.
function bunzip(bytes, size) {
  const bits = new Bits(bytes);
  bits.take(24);
  const column = new Uint8Array((bits.take(8) - 0x30) * 100000);
  const out = new Uint8Array(size);
  let at = 0;
  while (bits.take(24) === BLOCK) {
    // The mark's other half, a check sum, and a bit that no packer has set for decades.
    for (const skipped of [24, 16, 17]) bits.take(skipped);
    const origin = bits.take(24);
    at = unsort(column, lastColumn(bits, column), origin, out, at);
  }
  return out;
}
