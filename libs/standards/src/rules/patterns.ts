/**
 * Patterns that users give. They run in RE2's linear time (`re2js`), never in V8's backtracking engine, which some
 * patterns stop for hours; and what is linear is bounded too, by the size of the compiled pattern.
 */
import { RE2JS, RE2JSException } from 're2js';

export const MAX_PATTERN_LENGTH = 500;
/** Instructions. Of the worst patterns tried, a text of 2,000 characters took up to 90 ms on a busy machine; most take none. */
const MAX_PATTERN_SIZE = 300;
const MAX_KEPT = 500;

/** By pattern; the oldest go first. */
const compiled = new Map<string, RE2JS>();

/** What is wrong with the pattern itself. */
export function patternFault(pattern: string): string | undefined {
  try {
    return compile(pattern).programSize() > MAX_PATTERN_SIZE
      ? 'takes too many steps; repeat less often within it'
      : undefined;
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return 'is no pattern of RE2: look for what is not closed, and for what RE2 does not have (lookaround, backreferences)';
  }
}

/** Whether the pattern, which must have no fault, is found in the text. */
export const isFound = (pattern: string, text: string): boolean => compile(pattern).test(text);

function compile(pattern: string): RE2JS {
  const known = compiled.get(pattern);
  if (known) return known;
  const made = RE2JS.compile(pattern);
  const [oldest] = compiled.keys();
  if (compiled.size >= MAX_KEPT && oldest !== undefined) compiled.delete(oldest);
  compiled.set(pattern, made);
  return made;
}
