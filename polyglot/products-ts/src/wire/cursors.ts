/** Cursors as all workers of the service write them (W-PAGE). */

import { createHash } from "node:crypto";
import { canonical, readJson } from "./json.js";

const CHECKSUM = 8;

/** What a cursor is valid for. `sort` is the order of the list, if it has one. */
export function scopeOf(subject: string, request: object, sort?: string): string {
  const { cursor: _, limit: __, count: ___, ...members } = request as Record<string, unknown>;
  return canonical([subject, sort === undefined ? members : { ...members, sort }]);
}

function checksum(position: Uint8Array, scope: string): Buffer {
  return createHash("sha256").update(position).update("\n").update(scope).digest().subarray(0, CHECKSUM);
}

export function writeCursor(position: readonly unknown[], scope: string): string {
  const body = Buffer.from(canonical(position));
  return Buffer.concat([checksum(body, scope), body]).toString("base64url");
}

/** The position in the cursor; undefined for a cursor of another list, and for what is none. */
export function readCursor(cursor: string, scope: string): unknown[] | undefined {
  const data = Buffer.from(cursor, "base64url");
  const body = data.subarray(CHECKSUM);
  if (data.toString("base64url") !== cursor || !checksum(body, scope).equals(data.subarray(0, CHECKSUM))) return undefined;
  try {
    const position = readJson(body);
    return Array.isArray(position) ? position : undefined;
  } catch {
    return undefined;
  }
}
