/**
 * JSON as this product takes it from outside. `JSON.parse` lets through what does harm later: two members of one
 * name (the last wins), NUL (SQLite cuts the text there), half a surrogate pair (stores replace it), integers that
 * a double cannot hold, nesting without end. Each is refused here, with its place, before anything else sees it.
 */
import type { JsonObject, JsonValue } from '@timeline/kernel';
import { DomainError } from '@timeline/kernel';

export interface StrictJsonOptions {
  /** Levels of arrays and objects, default 64. */
  maxDepth?: number;
}

/** Where in the text: `line` and `column` count from 1, in UTF-16 code units. */
export class MalformedJsonError extends DomainError {
  override readonly name = 'MalformedJsonError';
  constructor(
    code:
      'MALFORMED_JSON' | 'DUPLICATE_KEY' | 'JSON_TOO_DEEP' | 'TEXT_HOLDS_NUL' | 'TEXT_NOT_UNICODE' | 'NUMBER_NOT_EXACT',
    message: string,
    readonly place: { pointer: string; line: number; column: number },
  ) {
    super(code, message, place);
  }
}

/** One segment of a JSON pointer (RFC 6901), escaped; cut where a key is absurdly long. */
export const pointerTo = (parent: string, key: string | number): string => {
  const segment = String(key).replaceAll('~', '~0').replaceAll('/', '~1');
  return `${parent}/${segment.length > 100 ? `${segment.slice(0, 100)}…` : segment}`;
};

/** What no text in this product may hold, wherever it comes from. */
export const textFault = (text: string): 'TEXT_HOLDS_NUL' | 'TEXT_NOT_UNICODE' | undefined =>
  text.includes('\0') ? 'TEXT_HOLDS_NUL' : !text.isWellFormed() ? 'TEXT_NOT_UNICODE' : undefined;

/** @throws MalformedJsonError, always a 400: the text cannot be read, whatever it was meant to say */
export function parseJsonStrict(text: string, options: StrictJsonOptions = {}): JsonValue {
  return new Parser(text, options.maxDepth ?? 64).document();
}

const decoder = new TextDecoder('utf-8', { fatal: true });
/** A leading byte order mark is dropped. @throws DomainError BODY_NOT_UTF8 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new DomainError('BODY_NOT_UTF8', 'the text is not valid UTF-8; send JSON encoded as UTF-8');
  }
}

const SPACE = /[ \t\n\r]*/y;
// eslint-disable-next-line no-control-regex -- JSON forbids raw control characters in strings (RFC 8259, 7)
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const LITERALS: readonly (readonly [string, JsonValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Parser {
  #at = 0;
  readonly #path: (string | number)[] = [];

  constructor(
    readonly text: string,
    readonly maxDepth: number,
  ) {}

  document(): JsonValue {
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.text.length) this.#fail('MALFORMED_JSON', 'there is more text after the end of the JSON value');
    return value;
  }

  #value(): JsonValue {
    this.#skipSpace();
    const first = this.text[this.#at];
    if (first === '{') return this.#object();
    if (first === '[') return this.#array();
    if (first === '"') return this.#string();
    if (first === '-' || (first !== undefined && first >= '0' && first <= '9')) return this.#number();
    for (const [literal, value] of LITERALS) {
      if (this.text.startsWith(literal, this.#at)) {
        this.#at += literal.length;
        return value;
      }
    }
    return this.#fail('MALFORMED_JSON', first === undefined ? 'the JSON text ends too early' : 'expected a JSON value');
  }

  #object(): JsonObject {
    const object: JsonObject = {};
    this.#open();
    if (this.#takes('}')) return object;
    do {
      this.#skipSpace();
      if (this.text[this.#at] !== '"') this.#fail('MALFORMED_JSON', 'expected the name of a member in double quotes');
      const start = this.#at;
      const key = this.#string();
      this.#path.push(key);
      if (Object.hasOwn(object, key)) {
        this.#at = start;
        this.#fail('DUPLICATE_KEY', 'an object has two members of this name; which one is meant cannot be known');
      }
      if (!this.#takes(':')) this.#fail('MALFORMED_JSON', 'expected ":"');
      const value = this.#value();
      // Assigning to `__proto__` would set the prototype; it is to be a member like any other, and so an unknown field.
      if (key === '__proto__') {
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
      } else object[key] = value;
      this.#path.pop();
    } while (this.#takes(','));
    if (!this.#takes('}')) this.#fail('MALFORMED_JSON', 'expected "," or "}"');
    return object;
  }

  #array(): JsonValue[] {
    const array: JsonValue[] = [];
    this.#open();
    if (this.#takes(']')) return array;
    do {
      this.#path.push(array.length);
      array.push(this.#value());
      this.#path.pop();
    } while (this.#takes(','));
    if (!this.#takes(']')) this.#fail('MALFORMED_JSON', 'expected "," or "]"');
    return array;
  }

  /** Every open array or object has one entry in the path while its members are read, so the path is the depth. */
  #open(): void {
    if (this.#path.length >= this.maxDepth) {
      this.#fail('JSON_TOO_DEEP', `arrays and objects are nested more than ${this.maxDepth} levels deep`);
    }
    this.#at += 1;
  }

  #string(): string {
    const start = this.#at;
    this.#at += 1;
    let out = '';
    for (;;) {
      PLAIN.lastIndex = this.#at;
      PLAIN.test(this.text);
      out += this.text.slice(this.#at, PLAIN.lastIndex);
      this.#at = PLAIN.lastIndex;
      const next = this.text[this.#at];
      if (next === '"') break;
      if (next === undefined) this.#fail('MALFORMED_JSON', 'the JSON text ends inside a string');
      if (next !== '\\') this.#fail('MALFORMED_JSON', 'a control character in a string must be written as an escape');
      out += this.#escape();
    }
    this.#at += 1;
    const fault = textFault(out);
    if (fault) {
      this.#at = start;
      this.#fail(
        fault,
        fault === 'TEXT_HOLDS_NUL' ? 'a string holds the NUL character' : 'a string holds half of a surrogate pair',
      );
    }
    return out;
  }

  #escape(): string {
    const letter = this.text[this.#at + 1] ?? '';
    if (letter === 'u') {
      HEX4.lastIndex = this.#at + 2;
      if (!HEX4.test(this.text)) this.#fail('MALFORMED_JSON', 'expected four hexadecimal digits after \\u');
      const unit = Number.parseInt(this.text.slice(this.#at + 2, this.#at + 6), 16);
      this.#at += 6;
      return String.fromCharCode(unit);
    }
    const plain = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (plain === undefined) return this.#fail('MALFORMED_JSON', 'there is no such escape in a JSON string');
    this.#at += 2;
    return plain;
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.text);
    if (!match) return this.#fail('MALFORMED_JSON', 'expected a digit');
    const value = Number(match[0]);
    const isInteger = match[1] === undefined && match[2] === undefined;
    if (!Number.isFinite(value) || (isInteger && !Number.isSafeInteger(value))) {
      this.#fail('NUMBER_NOT_EXACT', 'this number is too large to be kept exactly; send it as a string');
    }
    this.#at += match[0].length;
    return value === 0 ? 0 : value;
  }

  #skipSpace(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.text);
    this.#at = SPACE.lastIndex;
  }

  #takes(character: string): boolean {
    this.#skipSpace();
    if (this.text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #fail(
    code: MalformedJsonError['code'] & ConstructorParameters<typeof MalformedJsonError>[0],
    message: string,
  ): never {
    const before = this.text.slice(0, this.#at);
    const line = before.split('\n').length;
    const column = this.#at - before.lastIndexOf('\n');
    const pointer = this.#path.reduce<string>(pointerTo, '');
    throw new MalformedJsonError(code, `line ${line}, column ${column}: ${message}`, { pointer, line, column });
  }
}
