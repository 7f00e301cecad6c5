/** The worker makes of every test vector what the wire contract says. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { JWK } from "jose";
import { MIGRATIONS } from "../database.js";
import { digest } from "../idempotency.js";
import { isId, Select, type Order } from "../pages.js";
import { Verifier } from "../tokens.js";
import { reader } from "../wire/contracts.js";
import { readCursor, scopeOf, writeCursor } from "../wire/cursors.js";
import { Clocks, timeLeft } from "../wire/deadlines.js";
import { Fault } from "../wire/faults.js";
import { fold, likePattern } from "../wire/folding.js";
import { idempotencyKey, readHeaders, requestId } from "../wire/headers.js";
import { canonical } from "../wire/json.js";

const ROOT = new URL("../../../../", import.meta.url);

interface Case {
  why?: string;
  [member: string]: any;
}
function vectors(name: string, part = "cases"): Case[] {
  return JSON.parse(readFileSync(new URL(`tests/contract/vectors/${name}.json`, ROOT), "utf8"))[part];
}
function bytes(one: Case, member: string): Uint8Array {
  return one["hex"] === undefined ? Buffer.from(one[member]) : Buffer.from(one["hex"], "hex");
}
function faultOf(work: () => unknown): Fault | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  return undefined;
}
function cases(name: string, run: (one: Case) => unknown, part?: string): void {
  const found = vectors(name, part);
  assert.ok(found.length > 0);
  describe(`${name}.json ${part ?? ""}`, () => {
    for (const [index, one] of found.entries()) test(`${one.why ?? ""} ${index}`, async () => void (await run(one)));
  });
}

cases("headers", (one) => {
  const found = readHeaders(bytes(one, "block"));
  assert.deepEqual(found && Object.fromEntries(found), one["headers"]);
});
cases("request_ids", ({ id, kept }) => {
  const used = requestId(id);
  assert.equal(used === id, kept);
  assert.match(used, kept ? /^/ : /^[0-9a-f]{32}$/);
});
cases("json", (one) => {
  const fault = faultOf(() => reader(one["subject"])(bytes(one, "payload")));
  assert.equal(fault?.reason ?? null, one["reason"]);
  assert.deepEqual((fault?.errors ?? []).map((error) => [error.field, error.reason]), one["errors"]);
});
cases("deadlines", ({ headers, timeout_ms, now_ms, waited_ms, left_ms }) => {
  const left = () => timeLeft(new Map(Object.entries(headers)), timeout_ms, now_ms, () => waited_ms);
  const fault = left_ms === null ? faultOf(left) : undefined;
  assert.equal(left_ms === null ? fault?.reason : left(), left_ms ?? "invalid_header");
});
cases("digests", ({ subject, payload, canonical: expected, sha256 }) => {
  const written = canonical(reader(subject)(Buffer.from(payload)));
  assert.equal(written, expected);
  assert.equal(digest(written).toString("hex"), sha256);
});
cases("folding", ({ text, folded }) => assert.equal(fold(text), folded));
cases("folding", ({ text, like }) => assert.equal(likePattern(text), like), "patterns");
cases("cursors", ({ scope, subject, request, position, cursor }) => {
  const sort = JSON.parse(scope)[1].sort;
  assert.equal(scopeOf(subject, request, sort), scope);
  assert.equal(writeCursor(position, scope), cursor);
  assert.deepEqual(readCursor(cursor, scope), position);
});
cases("cursors", async ({ subject, request, cursor }) => {
  const scope = scopeOf(subject, request, request.sort ?? (subject === "products.list" ? "product_id" : "customer_id"));
  const isKey = (value: unknown) => (subject === "products.list" ? isId(value) : typeof value === "string" && /^[A-Z]{5}$/.test(value));
  const order: Order = [["id", isKey]];
  const nothing = { query: () => assert.fail("the cursor was taken") } as never;
  await assert.rejects(new Select("id", "rows").page(nothing, order, scope, { cursor }), { reason: "invalid_cursor" });
}, "refused");

const { key } = JSON.parse(readFileSync(new URL("tests/contract/vectors/tokens.json", ROOT), "utf8")) as { key: JWK };
cases("tokens", async ({ authorization, reason, caller }) => {
  const verifier = new Verifier(async () => [key], "northwind-mesh", "northwind-mesh");
  const found = verifier.verify(authorization).then(
    ({ sub, sid, roles }) => ({ caller: { sub, sid, roles: [...roles].sort() }, reason: null }),
    (error: Fault) => ({ caller: null, reason: error.reason }),
  );
  assert.deepEqual(await found, { caller, reason });
});

test("a token is overloaded while there are no keys, and the keys are asked for once", async () => {
  let asked = 0;
  const verifier = new Verifier(async () => Promise.reject(new Error(`away ${++asked}`)), "northwind-mesh", "northwind-mesh");
  const { authorization } = vectors("tokens")[0] as Case;
  await assert.rejects(verifier.verify(authorization), { code: "overloaded", reason: "dependency_unavailable" });
  await assert.rejects(verifier.verify(authorization), { code: "overloaded", reason: "dependency_unavailable" });
  assert.equal(asked, 1);
});

test("a request waits as long as it seems older than the youngest of its caller", () => {
  const clocks = new Clocks(() => {});
  const hour = 3_600_000;
  assert.equal(clocks.waited("_INBOX_a.b.1", "products.get", 1000 + hour, 1000), 0);
  assert.equal(clocks.waited("_INBOX_a.b.2", "products.get", 1100 + hour, 1400), 300);
  assert.equal(clocks.waited("_INBOX_a.b.3", "products.list", 1100 + hour, 1400), 0, "the first one on its subject");
  assert.equal(clocks.waited("_INBOX_c.d.1", "products.get", 0, 1400), 0, "the first one of its caller");
});

test("an Idempotency-Key is printable ASCII", () => {
  assert.equal(idempotencyKey(new Map([["Idempotency-Key", " ~"]])), " ~");
  for (const wrong of ["", "é", "a\n", "x".repeat(256)]) {
    assert.equal(faultOf(() => idempotencyKey(new Map([["Idempotency-Key", wrong]])))?.reason, "invalid_header");
  }
});

test("the worker waits for every file that made the tables", () => {
  const sql = readFileSync(new URL("docs/contracts/products.sql", ROOT), "utf8");
  assert.deepEqual(MIGRATIONS, [...sql.matchAll(/^-- \S+\/(\S+\.sql)$/gm)].map(([, name]) => name));
});
