/** Folds text for search and order (W-FOLD), by the table that all workers share: Node's Unicode is another version. */

import { exported } from "./contracts.js";

interface Table {
  readonly removed: readonly (readonly [string, string])[];
  readonly spaces: readonly (readonly [string, string])[];
  readonly folded: Readonly<Record<string, string>>;
}

const table = exported<Table>("folding_table.json");
const FOLDS = new Map<number, string>();
for (const [code, folded] of Object.entries(table.folded)) FOLDS.set(parseInt(code, 16), folded);
for (const [ranges, folded] of [[table.removed, ""], [table.spaces, " "]] as const) {
  for (const [from, to] of ranges) {
    for (let code = parseInt(from, 16); code <= parseInt(to, 16); code++) FOLDS.set(code, folded);
  }
}

const SYLLABLES = [0xac00, 0xd7a3] as const;

function jamo(code: number): string {
  const index = code - SYLLABLES[0];
  const last = index % 28;
  const first = String.fromCodePoint(0x1100 + Math.floor(index / 588), 0x1161 + (Math.floor(index / 28) % 21));
  return last === 0 ? first : first + String.fromCodePoint(0x11a7 + last);
}

export function fold(text: string): string {
  let folded = "";
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    folded += code >= SYLLABLES[0] && code <= SYLLABLES[1] ? jamo(code) : (FOLDS.get(code) ?? character);
  }
  return folded.replace(/ +/g, " ").replace(/^ | $/g, "");
}

/** A LIKE pattern that finds the text in folded text. A text that folds to nothing finds nothing. */
export function likePattern(text: string): string {
  const folded = fold(text);
  return folded === "" ? "\n" : `%${folded.replace(/[\\%_]/g, "\\$&")}%`;
}
