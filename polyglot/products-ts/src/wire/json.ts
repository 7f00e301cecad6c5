/** Reads and writes JSON as W-JSON says: JSON.parse takes a repeated name, 1.0 for an integer and half a surrogate. */

export class MalformedJson extends Error {}

const TOKEN =
  /[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9][0-9]*))((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(true|false|null))/y;
const END = /[ \t\n\r]*$/y;
const DEEPEST = 100;
const MOST_DIGITS = 400;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The value of a body. A number that is not written as an integer is NaN, which no contract allows. */
export function readJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new MalformedJson("the text is not UTF-8");
  }
  return new Reader(text).document();
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): unknown {
    const value = this.value(this.next(), 0);
    END.lastIndex = this.at;
    if (!END.test(this.text)) throw new MalformedJson("something follows the value");
    return value;
  }

  private next(): RegExpExecArray {
    TOKEN.lastIndex = this.at;
    const token = TOKEN.exec(this.text);
    if (token === null) throw new MalformedJson(`expected a value or a mark at character ${this.at}`);
    this.at = TOKEN.lastIndex;
    return token;
  }

  private value(token: RegExpExecArray, depth: number): unknown {
    const [, mark, text, digits, rest, word] = token;
    if (text !== undefined) return wellFormed(text);
    if (digits !== undefined) return integer(digits, rest ?? "");
    if (word !== undefined) return JSON.parse(word);
    if (depth >= DEEPEST) throw new MalformedJson("the values are nested too deep");
    if (mark === "{") return this.object(depth + 1);
    if (mark === "[") return this.list(depth + 1);
    throw new MalformedJson(`expected a value at character ${this.at}`);
  }

  private object(depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = Object.create(null);
    let token = this.next();
    if (token[1] === "}") return object;
    for (;;) {
      if (token[2] === undefined) throw new MalformedJson(`expected a name at character ${this.at}`);
      const name = wellFormed(token[2]);
      if (name in object) throw new MalformedJson("a name occurs twice in an object");
      if (this.next()[1] !== ":") throw new MalformedJson(`expected a colon at character ${this.at}`);
      object[name] = this.value(this.next(), depth);
      if (!this.goesOn("}")) return object;
      token = this.next();
    }
  }

  private list(depth: number): unknown[] {
    const list: unknown[] = [];
    let token = this.next();
    if (token[1] === "]") return list;
    for (;;) {
      list.push(this.value(token, depth));
      if (!this.goesOn("]")) return list;
      token = this.next();
    }
  }

  private goesOn(end: string): boolean {
    const mark = this.next()[1];
    if (mark !== "," && mark !== end) throw new MalformedJson(`expected a comma at character ${this.at}`);
    return mark === ",";
  }
}

function wellFormed(token: string): string {
  const text: string = JSON.parse(token);
  if (!text.isWellFormed()) throw new MalformedJson("a surrogate stands alone");
  return text;
}

function integer(digits: string, rest: string): number {
  if (digits.length + rest.length > MOST_DIGITS) throw new MalformedJson("a number is too long");
  if (rest !== "") return NaN;
  const number = Number(digits) + 0; // -0 is 0
  return Number.isFinite(number) ? number : Math.sign(number) * Number.MAX_VALUE;
}

/** Canonical JSON (RFC 8785), for what readJson returns. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = value as Record<string, unknown>;
  const written = Object.keys(members).sort().map((name) => `${JSON.stringify(name)}:${canonical(members[name])}`);
  return `{${written.join(",")}}`;
}
