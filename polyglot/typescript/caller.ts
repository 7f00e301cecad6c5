/** Calls the mesh with nats.js alone: it reads a customer, meets a problem, and moves the customer to another city. */

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, headers, nkeyAuthenticator } from "@nats-io/transport-node";
import { endpoints, type Endpoint } from "./subjects.js";

const { NATS_URL, NATS_NKEY_SEED_FILE, MESH_CALLER, MESH_TOKEN } = process.env as Record<string, string>;

const connection = await connect({
  servers: NATS_URL!,
  authenticator: nkeyAuthenticator(readFileSync(NATS_NKEY_SEED_FILE!)),
  inboxPrefix: `_INBOX_${MESH_CALLER}`,
  maxReconnectAttempts: -1,
});

class ProblemError extends Error {
  constructor(readonly problem: { code: string; reason?: string; request_id: string; detail: string }) {
    super(problem.detail);
  }
}

async function call<Request, Reply>(endpoint: Endpoint<Request, Reply>, request: Request, more: Record<string, string> = {}): Promise<Reply> {
  const timeout = endpoint.timeoutMs;
  const told = headers();
  told.set("X-Request-Id", randomUUID());
  told.set("Request-Timeout", String(timeout));
  told.set("Request-Deadline", String(Date.now() + timeout));
  for (const [name, value] of Object.entries(more)) told.set(name, value);
  const reply = await connection.request(endpoint.subject, JSON.stringify(request), { timeout, headers: told });
  if (reply.headers?.has("Nats-Service-Error-Code")) throw new ProblemError(reply.json());
  return reply.json<Reply>();
}

const [customer_id = "", unknown = "", city = ""] = process.argv.slice(2);

const before = await call(endpoints["customers.get"], { customer_id });
console.log(JSON.stringify(before));
try {
  await call(endpoints["customers.get"], { customer_id: unknown });
} catch (error) {
  if (!(error instanceof ProblemError)) throw error;
  console.log(JSON.stringify(error.problem));
}
await call(
  endpoints["customers.update"],
  { customer_id, expected_version: before.version, patch: { city } },
  { Authorization: `Bearer ${MESH_TOKEN}`, "Idempotency-Key": randomUUID() },
);
console.log(JSON.stringify(await call(endpoints["customers.get"], { customer_id })));
await connection.drain();
