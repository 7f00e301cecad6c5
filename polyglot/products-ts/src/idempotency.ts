/** Runs a write once for each Idempotency-Key: the key is kept in the transaction of the write (W-IDEM). */

import { createHash } from "node:crypto";
import type { Call } from "./call.js";
import { lockNotAvailable, type Statements } from "./database.js";
import { inSchemaOrder, requestSchema } from "./wire/contracts.js";
import { Fault, overloaded } from "./wire/faults.js";
import { canonical } from "./wire/json.js";

const CLAIM = `
  INSERT INTO idempotency_keys AS kept (scope, key, digest) VALUES ($1, $2, $3)
  ON CONFLICT (scope, key) DO UPDATE SET digest = excluded.digest, reply = NULL, created_at = excluded.created_at
    WHERE kept.created_at < now() - interval '24 hours'
  RETURNING true`;
const KEEP = "UPDATE idempotency_keys SET reply = $3 WHERE scope = $1 AND key = $2";
const FIND = "SELECT digest, reply::text AS reply FROM idempotency_keys WHERE scope = $1 AND key = $2";
const EXPIRE = `
  DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keys WHERE created_at < now() - interval '24 hours'
    ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED))`;

export function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** The reply of this run, or the one that is kept under the key, byte for byte. */
export async function once(tx: Statements, call: Call, request: unknown, work: () => Promise<string>): Promise<string> {
  if (call.key === undefined) return work();
  const scope = `${call.subject} ${call.caller?.sub ?? ""}`;
  const own = digest(canonical(request));
  if (await claimed(tx, scope, call.key, own)) {
    const reply = await work();
    await tx.query(KEEP, [scope, call.key, reply]);
    return reply;
  }
  const { rows } = await tx.query<{ digest: Buffer; reply: string }>(FIND, [scope, call.key]);
  const kept = rows[0];
  if (kept === undefined) throw inProgress();
  const older = () => digest(JSON.stringify(inSchemaOrder(request, requestSchema(call.subject))));
  if (!kept.digest.equals(own) && !kept.digest.equals(older())) {
    throw new Fault("conflict", "idempotency_key_reused", "this Idempotency-Key was used with another payload");
  }
  return kept.reply;
}

/** Whether nobody has used the key. Another transaction with it is waited for. */
async function claimed(tx: Statements, scope: string, key: string, own: Buffer): Promise<boolean> {
  try {
    return (await tx.query(CLAIM, [scope, key, own])).rowCount === 1;
  } catch (error) {
    throw lockNotAvailable(error) ? inProgress() : error;
  }
}

function inProgress(): Fault {
  return overloaded("request_in_progress", "the first request with this Idempotency-Key is still running");
}

/** Delete keys that have expired. */
export async function expire(tx: Statements): Promise<void> {
  await tx.query(EXPIRE);
}
