/** Durable events: written in the transaction of the change, and sent by a relay until the stream has them (W-EVT-3). */

import { randomUUID } from "node:crypto";
import { headers, type NatsConnection } from "@nats-io/nats-core";
import type { Call } from "./call.js";
import type { Database, Statements } from "./database.js";
import { log, text } from "./log.js";

const WRITE = "INSERT INTO outbox (event_id, subject, aggregate, headers, body) VALUES ($1, $2, $3, $4, $5)";
// All relays of a service claim an aggregate by the same lock, whatever they are written in: its events stay in order.
const LOCKS = 0x6f757462;
const MOST = 100;
const CLAIM = `
  WITH oldest AS MATERIALIZED (
    SELECT position, hashtext(aggregate) AS hash FROM outbox ORDER BY position LIMIT ${10 * MOST}
  ), hashes AS MATERIALIZED (
    SELECT hash FROM oldest GROUP BY hash ORDER BY min(position)
  ), claimed AS MATERIALIZED (
    SELECT hash FROM hashes WHERE pg_try_advisory_xact_lock(${LOCKS}, hash) LIMIT ${MOST}
  )
  SELECT position, event_id, subject, aggregate, headers, body FROM outbox
  JOIN oldest USING (position) JOIN claimed USING (hash)
  ORDER BY position LIMIT ${MOST} FOR UPDATE OF outbox`;
const REMOVE = "DELETE FROM outbox WHERE position = ANY($1)";
const POLL = 5000;
const CLAIM_FOR = 3000;
const LONGEST_PAUSE = 5000;
const DRAIN = 2000;

interface Entry {
  readonly position: string;
  readonly event_id: string;
  readonly subject: string;
  readonly aggregate: string;
  readonly headers: string;
  readonly body: Buffer;
}

/** Write the event that the aggregate has changed. Call it behind the statement that locks the aggregate's row. */
export async function publish(tx: Statements, call: Call, type: string, aggregate: string, payload: object): Promise<void> {
  const id = randomUUID();
  const about = {
    "ce-specversion": "1.0",
    "ce-id": id,
    "ce-type": type,
    "ce-source": "/products",
    "ce-subject": aggregate,
    "ce-time": new Date().toISOString().replace("Z", "000Z"),
    "Content-Type": "application/json",
    "Nats-Msg-Id": id,
    "X-Request-Id": call.requestId,
    ...(call.traceparent === undefined ? {} : { traceparent: call.traceparent }),
  };
  const body = Buffer.from(JSON.stringify(payload));
  await tx.query(WRITE, [id, `events.${type}`, aggregate, JSON.stringify(about), body]);
}

export class Relay {
  readonly stats = { published: 0, publish_errors: 0, last_publish_error: "" };
  private wake: () => void = () => {};
  private ended = false;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly nats: NatsConnection,
  ) {}

  start(): void {
    this.running = this.run();
  }

  /** A transaction has perhaps written an event. */
  notify(): void {
    this.wake();
  }

  /** Send what is left, for two seconds at most. The rest is for another instance. */
  async drain(): Promise<void> {
    this.ended = true;
    this.wake();
    await Promise.race([this.running, new Promise((resolve) => setTimeout(resolve, DRAIN).unref())]);
  }

  private async run(): Promise<void> {
    for (let pause = 0; ; ) {
      const woken = new Promise<void>((resolve) => (this.wake = resolve));
      const isLast = this.ended;
      pause = (await this.sendAll()) ? 0 : Math.min(Math.max(2 * pause, 50), LONGEST_PAUSE);
      if (isLast) return;
      let timer: NodeJS.Timeout | undefined;
      const slept = new Promise<void>((resolve) => (timer = setTimeout(resolve, pause || POLL)));
      if (!this.ended) await (pause === 0 ? Promise.race([woken, slept]) : slept);
      clearTimeout(timer);
    }
  }

  /** Send until nothing is left. Returns whether all went well. */
  private async sendAll(): Promise<boolean> {
    const before = this.stats.publish_errors;
    try {
      while ((await this.sendBatch()) > 0) if (this.stats.publish_errors > before) return false;
      return true;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  private async sendBatch(): Promise<number> {
    return this.database.transaction(CLAIM_FOR, () => {}, async (tx) => {
      const { rows } = await tx.query<Entry>(CLAIM);
      const byAggregate = new Map<string, Entry[]>();
      for (const entry of rows) byAggregate.set(entry.aggregate, [...(byAggregate.get(entry.aggregate) ?? []), entry]);
      const sent = (await Promise.all([...byAggregate.values()].map((entries) => this.sendInOrder(entries)))).flat();
      if (sent.length > 0) await tx.query(REMOVE, [sent]);
      this.stats.published += sent.length;
      return rows.length;
    });
  }

  /** The positions of the entries that the stream has now. The first failure ends it. */
  private async sendInOrder(entries: readonly Entry[]): Promise<string[]> {
    const until = performance.now() + CLAIM_FOR;
    const sent: string[] = [];
    for (const entry of entries) {
      if (performance.now() >= until) break;
      try {
        await this.send(entry);
      } catch (error) {
        this.failed(error);
        break;
      }
      sent.push(entry.position);
    }
    return sent;
  }

  private async send(entry: Entry): Promise<void> {
    const marks = headers();
    for (const [name, value] of Object.entries(JSON.parse(entry.headers))) marks.set(name, String(value));
    const answer = await this.nats.request(entry.subject, entry.body, { headers: marks, timeout: 5000 });
    const { seq, error } = answer.json<{ seq?: unknown; error?: { description?: string } }>();
    if (typeof seq !== "number" || error !== undefined) throw new Error(error?.description ?? "the stream gave no sequence number");
  }

  private failed(error: unknown): void {
    this.stats.publish_errors += 1;
    this.stats.last_publish_error = text(error);
    log.warning("event_not_published", { error: text(error) });
  }
}
