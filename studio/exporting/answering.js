// @ts-check
// A model in one page: reads its weights, cuts text into tokens, and writes answers, with nothing but this file.
//
// Llama's forward pass for one token at a time over typed arrays, as transformers computes it: RMSNorm, rotated halves,
// grouped queries, a gated MLP. Sums are kept in 64 bits. A page opened from a disk may load no module and no file, so
// this is a plain script, and the weights stand in the page.

/**
 * @typedef {{layers: number, heads: number, groups: number, head: number, hidden: number, inner: number, words: number,
 *   context: number, epsilon: number, theta: number, tied: boolean}} Shape
 * @typedef {{vocab: Record<string, number>, merges: string[], added: Record<string, number>, special: number[],
 *   cut: string, whole: boolean, begin: number | null}} Words
 * @typedef {{shape: Shape, words: Words, numbers: "f16" | "f32", places: Record<string, [number, number]>,
 *   before: string, after: string, stops: number[]}} Told
 */

/** Unicode's blanks, as Rust has them. */
const BLANK = "\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const GPT2 =
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${BLANK}\\p{L}\\p{N}]+|` + `[${BLANK}]+(?![^${BLANK}])|[${BLANK}]+`;
const LATER =
  `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}@|` +
  ` ?[^${BLANK}\\p{L}\\p{N}]+[\\r\\n]*|[${BLANK}]*[\\r\\n]+|[${BLANK}]+(?![^${BLANK}])|[${BLANK}]+`;
/** How a text is cut into pieces before its tokens are found, by the name that llama.cpp has for it. */
const CUTS = {
  "gpt-2": { before: null, words: GPT2 },
  smollm: { before: /(\p{N})/u, words: GPT2 },
  "llama-bpe": { before: null, words: LATER.replace("@", "{1,3}") },
  qwen2: { before: null, words: LATER.replace("@", "") },
};

/** The letters that stand for the 256 bytes in a byte-level vocabulary. */
function listByteLetters() {
  const shown = (/** @type {number} */ byte) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(shown(byte) ? byte : next++));
}

/** Byte-level BPE: text to tokens and back. */
class Tokenizer {
  /** @param {Words} words */
  constructor(words) {
    this.words = words;
    this.ranks = new Map(words.merges.map((pair, rank) => [pair, rank]));
    this.letters = listByteLetters();
    this.bytes = new Map(this.letters.map((letter, byte) => [letter, byte]));
    this.texts = new Map(Object.entries(words.vocab).map(([text, id]) => [id, text]));
    const { before, words: pieces } = CUTS[/** @type {keyof typeof CUTS} */ (words.cut)];
    this.before = before;
    this.pattern = new RegExp(pieces, "gu");
    const names = Object.keys(words.added).sort((one, other) => other.length - one.length);
    const escaped = names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    this.added = names.length ? new RegExp(`(${escaped.join("|")})`) : /(?!)/;
  }

  /** @param {string} text */
  encode(text) {
    const ids = this.words.begin === null ? [] : [this.words.begin];
    for (const piece of text.split(this.added)) {
      if (Object.hasOwn(this.words.added, piece)) ids.push(this.words.added[piece]);
      else for (const word of this.cut(piece)) ids.push(...this.join(word));
    }
    return ids;
  }

  /** @param {string} text */
  cut(text) {
    const parts = this.before ? text.split(this.before) : [text];
    return parts.flatMap((part) => part.match(this.pattern) ?? []);
  }

  /** The tokens of one word: its bytes, the pair of the lowest rank joined first. @param {string} word */
  join(word) {
    let parts = [...new TextEncoder().encode(word)].map((byte) => this.letters[byte]);
    const all = parts.join("");
    if (this.words.whole && Object.hasOwn(this.words.vocab, all)) return [this.words.vocab[all]];
    for (;;) {
      let [best, at] = [Infinity, -1];
      for (let place = 0; place + 1 < parts.length; place++) {
        const rank = this.ranks.get(`${parts[place]} ${parts[place + 1]}`) ?? Infinity;
        if (rank < best) [best, at] = [rank, place];
      }
      if (at < 0) return parts.map((part) => this.words.vocab[part]);
      const pair = `${parts[at]} ${parts[at + 1]}`;
      const [left, right] = pair.split(" ");
      /** @type {string[]} */
      const joined = [];
      for (let place = 0; place < parts.length; place++) {
        const is = parts[place] === left && parts[place + 1] === right;
        joined.push(is ? left + right : parts[place]);
        if (is) place += 1;
      }
      parts = joined;
    }
  }

  /** @param {number[]} ids */
  decode(ids) {
    const shown = ids.filter((id) => !this.words.special.includes(id));
    const letters = shown.map((id) => this.texts.get(id) ?? "").join("");
    return new TextDecoder().decode(Uint8Array.from([...letters].map((letter) => this.bytes.get(letter) ?? 63)));
  }
}

/** Numbers of 16 bits as numbers of 32. @param {Uint16Array} halves */
function widen(halves) {
  const table = new Float32Array(65536);
  for (let code = 0; code < 65536; code++) {
    const [power, part] = [(code >> 10) & 31, code & 1023];
    const size = power ? 2 ** (power - 15) * (1 + part / 1024) : 2 ** -14 * (part / 1024);
    table[code] = code >> 15 ? -size : size;
  }
  return Float32Array.from(halves, (code) => table[code]);
}

/** @typedef {{matrix: Float32Array, bias: Float32Array | null}} Linear */

/** out = matrix x + bias, of so many rows; four sums at a time, so that none waits for another.
 * @param {Float32Array} out @param {Linear} linear @param {Float32Array} x @param {number} rows */
function multiply(out, { matrix, bias }, x, rows) {
  const width = x.length;
  for (let row = 0, at = 0; row < rows; row++, at += width) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let column = 0; column < width; column += 4) {
      a += matrix[at + column] * x[column];
      b += matrix[at + column + 1] * x[column + 1];
      c += matrix[at + column + 2] * x[column + 2];
      d += matrix[at + column + 3] * x[column + 3];
    }
    out[row] = a + b + c + d + (bias ? bias[row] : 0);
  }
}

class Model {
  /**
   * @param {Shape} shape
   * @param {(name: string) => Float32Array} read
   * @param {(name: string) => boolean} has
   */
  constructor(shape, read, has) {
    const { layers, heads, groups, head, hidden, inner, words, context } = shape;
    this.shape = shape;
    this.table = read("model.embed_tokens.weight");
    this.last = read("model.norm.weight");
    this.top = { matrix: shape.tied ? this.table : read("lm_head.weight"), bias: null };
    this.layers = Array.from({ length: layers }, (_, place) => {
      const mine = (/** @type {string} */ name) => read(`model.layers.${place}.${name}.weight`);
      const linear = (/** @type {string} */ name) => {
        const bias = `model.layers.${place}.${name}.bias`;
        return { matrix: mine(name), bias: has(bias) ? read(bias) : null };
      };
      return {
        before: mine("input_layernorm"),
        query: linear("self_attn.q_proj"),
        key: linear("self_attn.k_proj"),
        value: linear("self_attn.v_proj"),
        out: linear("self_attn.o_proj"),
        between: mine("post_attention_layernorm"),
        gate: linear("mlp.gate_proj"),
        up: linear("mlp.up_proj"),
        down: linear("mlp.down_proj"),
        keys: new Float32Array(context * groups * head),
        values: new Float32Array(context * groups * head),
      };
    });
    const room = (/** @type {number} */ size) => new Float32Array(size);
    this.rooms = { x: room(hidden), normed: room(hidden), query: room(heads * head), mixed: room(heads * head) };
    this.wide = { gate: room(inner), up: room(inner), scores: room(context), logits: room(words) };
    this.angles = Float64Array.from({ length: head / 2 }, (_, place) => shape.theta ** ((-2 * place) / head));
  }

  /** @param {Float32Array} out @param {Float32Array} x @param {Float32Array} weight */
  norm(out, x, weight) {
    let sum = 0;
    for (const value of x) sum += value * value;
    const scale = 1 / Math.sqrt(sum / x.length + this.shape.epsilon);
    for (let place = 0; place < x.length; place++) out[place] = x[place] * scale * weight[place];
  }

  /** Turn each head's halves by the position. @param {Float32Array} rows @param {number} position */
  turn(rows, position) {
    const half = this.shape.head / 2;
    for (let start = 0; start < rows.length; start += 2 * half)
      for (let place = 0; place < half; place++) {
        const [sine, cosine] = [Math.sin(position * this.angles[place]), Math.cos(position * this.angles[place])];
        const [first, second] = [rows[start + place], rows[start + half + place]];
        rows[start + place] = first * cosine - second * sine;
        rows[start + half + place] = second * cosine + first * sine;
      }
  }

  /** The scores of every next token, after a token at a position. @param {number} token @param {number} position */
  forward(token, position) {
    const { heads, groups, head, hidden, inner, words } = this.shape;
    const { x, normed, query, mixed } = this.rooms;
    const { gate, up, logits } = this.wide;
    const step = groups * head;
    x.set(this.table.subarray(token * hidden, (token + 1) * hidden));
    for (const layer of this.layers) {
      this.norm(normed, x, layer.before);
      const key = layer.keys.subarray(position * step, (position + 1) * step);
      multiply(query, layer.query, normed, heads * head);
      multiply(key, layer.key, normed, step);
      multiply(layer.values.subarray(position * step, (position + 1) * step), layer.value, normed, step);
      this.turn(query, position);
      this.turn(key, position);
      for (let place = 0; place < heads; place++) this.attend(layer, place, position);
      multiply(normed, layer.out, mixed, hidden);
      for (let place = 0; place < hidden; place++) x[place] += normed[place];
      this.norm(normed, x, layer.between);
      multiply(gate, layer.gate, normed, inner);
      multiply(up, layer.up, normed, inner);
      for (let place = 0; place < inner; place++) gate[place] *= up[place] / (1 + Math.exp(-gate[place]));
      multiply(normed, layer.down, gate, hidden);
      for (let place = 0; place < hidden; place++) x[place] += normed[place];
    }
    this.norm(normed, x, this.last);
    multiply(logits, this.top, normed, words);
    return logits;
  }

  /** What one head takes from all tokens so far. @param {any} layer @param {number} place @param {number} position */
  attend(layer, place, position) {
    const { heads, groups, head } = this.shape;
    const { scores } = this.wide;
    const { query, mixed } = this.rooms;
    const [from, step] = [place * head, groups * head];
    const group = Math.floor(place / (heads / groups)) * head;
    let most = -Infinity;
    for (let at = 0; at <= position; at++) {
      let sum = 0;
      for (let part = 0; part < head; part++) sum += query[from + part] * layer.keys[at * step + group + part];
      scores[at] = sum / Math.sqrt(head);
      most = Math.max(most, scores[at]);
    }
    let total = 0;
    for (let at = 0; at <= position; at++) total += scores[at] = Math.exp(scores[at] - most);
    mixed.fill(0, from, from + head);
    for (let at = 0; at <= position; at++) {
      const share = scores[at] / total;
      for (let part = 0; part < head; part++) mixed[from + part] += share * layer.values[at * step + group + part];
    }
  }
}

/** @param {string} id @returns {any} */
const part = (id) => document.getElementById(id);

/** Read the model that stands in the page. */
function load() {
  /** @type {Told} */
  const told = JSON.parse(part("told").textContent);
  const text = atob(part("weights").textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place);
  part("weights").remove();
  const all = told.numbers === "f16" ? widen(new Uint16Array(bytes.buffer)) : new Float32Array(bytes.buffer);
  const read = (/** @type {string} */ name) => {
    const [start, count] = told.places[name];
    return all.subarray(start, start + count);
  };
  const has = (/** @type {string} */ name) => Object.hasOwn(told.places, name);
  return { told, tokenizer: new Tokenizer(told.words), model: new Model(told.shape, read, has) };
}

const PAUSE = 30; // milliseconds of writing, then the page may be drawn
const MOST_TOKENS = 256;

/** Write the likeliest answer, token by token. @param {ReturnType<typeof load>} loaded @param {string} input */
async function answer({ told, tokenizer, model }, input) {
  const ids = tokenizer.encode(told.before + input + told.after);
  const room = told.shape.context - ids.length;
  if (room < 1) return { text: "", seconds: 0, tokens: 0, problem: "This is longer than the model can read." };
  const began = performance.now();
  /** @type {number[]} */
  const written = [];
  let paused = began;
  let scores = model.forward(ids[0], 0);
  for (let position = 1; position < ids.length + Math.min(room, MOST_TOKENS); position++) {
    let token = ids[position];
    if (token === undefined) {
      token = scores.indexOf(Math.max(...scores));
      if (told.stops.includes(token)) break;
      written.push(token);
    }
    scores = model.forward(token, position);
    if (performance.now() - paused > PAUSE) {
      part("answer").textContent = tokenizer.decode(written);
      await new Promise((resolve) => setTimeout(resolve));
      paused = performance.now();
    }
  }
  const seconds = (performance.now() - began) / 1000;
  return { text: tokenizer.decode(written).trim(), seconds, tokens: ids.length + written.length, problem: "" };
}

addEventListener("DOMContentLoaded", () => {
  const loaded = load();
  const form = part("ask");
  document.body.dataset.state = "ready";
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (document.body.dataset.state === "answering") return;
    document.body.dataset.state = "answering";
    const { text, seconds, tokens, problem } = await answer(loaded, part("prompt").value);
    part("answer").textContent = problem || text;
    part("speed").textContent = seconds ? `${(tokens / seconds).toFixed(0)} tokens a second, read and written` : "";
    document.body.dataset.state = "ready";
    document.body.dataset.answers = String(1 + Number(document.body.dataset.answers ?? 0));
  });
});
