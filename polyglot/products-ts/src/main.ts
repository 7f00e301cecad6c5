/** Runs the worker: connect, serve until SIGTERM, drain. */

import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, errors, nkeyAuthenticator, type NatsConnection } from "@nats-io/transport-node";
import type { JWK } from "jose";
import type { Call } from "./call.js";
import { Database } from "./database.js";
import { reads, subjects, writes } from "./handlers.js";
import { expire, once } from "./idempotency.js";
import { log, text } from "./log.js";
import { Relay } from "./outbox.js";
import { Service, type Answer } from "./service.js";
import { readSettings, type Settings } from "./settings.js";
import { Verifier } from "./tokens.js";

const ENOUGH = 2;
const LONGEST_DRAIN = 20_000;
const EXPIRE_EVERY = 60_000;

function connection({ servers, seed, ca }: Settings): Promise<NatsConnection> {
  return connect({
    servers,
    name: "products",
    inboxPrefix: "_INBOX_products",
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    pingInterval: 10_000,
    ...(seed === undefined ? {} : { authenticator: nkeyAuthenticator(Buffer.from(seed)) }),
    ...(ca === undefined ? {} : { tls: { caFile: ca } }),
  });
}

/** Reads outside of a transaction, writes within one, under their keys. */
function answering(database: Database, relay: Relay): Answer {
  return async (request: unknown, call: Call) => {
    const read = reads[call.subject];
    if (read !== undefined) return JSON.stringify(await database.read(call.left, (db) => read(request, db, call)));
    const write = writes[call.subject];
    if (write === undefined) throw new Error(`no handler of ${call.subject}`);
    const reply = await database.transaction(call.left, () => call.check(), (tx) =>
      once(tx, call, request, async () => JSON.stringify(await write(request, tx, call))),
    );
    relay.notify();
    return reply;
  };
}

/** Join and leave the queue group as the database and the rights come and go (W-READY-3). */
async function watch(service: Service, database: Database, stop: AbortSignal): Promise<void> {
  for (let failures = ENOUGH - 1; !stop.aborted; ) {
    const found = await database.probe().then(
      (limit) => ({ limit, absence: undefined }),
      (error: unknown) => ({ limit: undefined, absence: `the database does not answer: ${text(error)}` }),
    );
    failures = found.absence === undefined ? 0 : failures + 1;
    if (stop.aborted) return;
    try {
      if (failures >= ENOUGH && found.absence !== undefined) await service.pause(found.absence);
      else if (service.instance.conflict !== undefined) await service.pause(service.instance.conflict);
      else if (failures === 0) await service.resume(found.limit);
    } catch (error) {
      log.warning("health_monitor_failed", { error: text(error) }); // NATS is away too: the next round tries again
    }
    await sleep(failures > 0 ? 200 : 1000, undefined, { signal: stop }).catch(() => {});
  }
}

async function follow(nats: NatsConnection, service: Service): Promise<void> {
  for await (const status of nats.status()) {
    if (status.type === "reconnect") service.instance.reconnects += 1;
    if (status.type === "error" && status.error instanceof errors.PermissionViolationError && status.error.operation === "subscription") {
      service.withdrawn(status.error.subject);
    } else if (status.type === "reconnect" || status.type === "disconnect" || status.type === "error") {
      log.warning(`nats_${status.type}`);
    }
  }
}

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stop.abort());
  const nats = await connection(settings);
  const database = new Database(settings.databaseUrl, settings.poolSize);
  const relay = new Relay(database, nats);
  const fetchKeys = async () => (await nats.request("auth.jwks", "{}", { timeout: 2000 })).json<{ keys: JWK[] }>().keys;
  const verifier = new Verifier(fetchKeys, settings.issuer, settings.audience);
  const events = () => ({ events: { handlers: {}, running: 0, unread: 0, ...relay.stats } });
  const service = new Service(nats, subjects, answering(database, relay), verifier, settings, events);
  void follow(nats, service);
  service.start();
  relay.start();
  const expiring = setInterval(() => void database.transaction(3000, () => {}, expire).catch(() => {}), EXPIRE_EVERY);
  const beating = setInterval(() => settings.heartbeat && !nats.isClosed() && writeFileSync(settings.heartbeat, ""), 1000);
  log.info("service_started", { id: service.instance.id, endpoints: subjects.length });
  void nats.closed().then((error) => {
    if (!stop.signal.aborted) throw error ?? new Error("NATS closed the connection for good");
  });
  await watch(service, database, stop.signal);
  setTimeout(() => process.exit(1), LONGEST_DRAIN).unref();
  await service.drain();
  await relay.drain();
  clearInterval(expiring);
  clearInterval(beating);
  await nats.close();
  await database.close();
}

process.on("unhandledRejection", (error) => {
  log.error("stopped", { why: text(error) });
  process.exit(1);
});
await main();
