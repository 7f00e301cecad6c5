/** Tells who this instance is and how it fares (W-DISC, W-READY). @nats-io/services can change neither metadata nor queue groups. */

import { randomBytes } from "node:crypto";
import { contracts } from "./wire/contracts.js";
import type { Endpoint } from "./contracts/subjects.js";

const LONGEST_REASON = 200;
export const SUBSCRIBING = "not all endpoints are subscribed yet";
export const CONFLICT = "another instance serves, and one of the two cannot share its state";

export class Stats {
  num_requests = 0;
  num_errors = 0;
  last_error = "";
  processing_time = 0;

  count(milliseconds: number, error?: string): void {
    this.num_requests += 1;
    this.processing_time += Math.round(milliseconds * 1e6);
    if (error === undefined) return;
    this.num_errors += 1;
    this.last_error = error;
  }

  get average_processing_time(): number {
    return this.num_requests === 0 ? 0 : Math.floor(this.processing_time / this.num_requests);
  }
}

export type Route = { readonly endpoint: Endpoint<unknown, unknown>; readonly stats: Stats };

export class Instance {
  readonly id = randomBytes(8).toString("hex");
  /** Why it does not serve; undefined if it does. */
  absence: string | undefined = SUBSCRIBING;
  /** What it cannot do although it serves. */
  limit: string | undefined;
  conflict: string | undefined;
  reconnects = 0;
  private readonly started = new Date().toISOString();
  private isNew = true;

  subjects(verb: string): string[] {
    return [`$SRV.${verb}`, `$SRV.${verb}.products`, `$SRV.${verb}.products.${this.id}`];
  }

  /** Learn from a poll who else serves (W-POOL-3): this instance shares its state, so only exclusive ones matter. */
  hear(roster: Uint8Array): void {
    try {
      const { instances } = JSON.parse(Buffer.from(roster).toString()) as { instances: { id: string; pool?: string }[] };
      const exclusive = instances.filter((one) => one.id !== this.id && one.pool === "exclusive");
      const yields = this.isNew || this.conflict !== undefined || exclusive.some((one) => one.id < this.id);
      this.conflict = exclusive.length > 0 && yields ? CONFLICT : undefined;
      this.isNew = false;
    } catch {
      // A roster that cannot be read says nothing.
    }
  }

  document(verb: string, routes: readonly Route[], data: object): object {
    const own = { name: "products", id: this.id, version: contracts.version, type: `io.nats.micro.v1.${verb.toLowerCase()}_response` };
    const metadata = this.metadata();
    if (verb === "PING") return { ...own, metadata };
    if (verb === "STATS") {
      const endpoints = routes.map(({ endpoint, stats }) => ({
        ...named(endpoint),
        ...stats,
        average_processing_time: stats.average_processing_time,
      }));
      return { ...own, metadata, started: this.started, endpoints, data };
    }
    const endpoints = routes.map(({ endpoint }) => ({ ...named(endpoint), metadata: about(endpoint) }));
    const contract = { contract: contracts.services["products"], contract_version: contracts.version };
    return { ...own, description: "Northwind's catalogue and stock, in TypeScript", metadata: { ...metadata, ...contract }, endpoints };
  }

  private metadata(): Record<string, string> {
    const absence = this.absence ?? this.conflict;
    const reason = absence ?? this.limit;
    return {
      ready: String(absence === undefined),
      ...(reason === undefined ? {} : { reason: reason.replace(/\s+/g, " ").slice(0, LONGEST_REASON) }),
      ...(this.reconnects === 0 ? {} : { reconnects: String(this.reconnects) }),
    };
  }
}

function named({ subject }: Endpoint<unknown, unknown>): Record<string, string> {
  return { name: subject.slice("products.".length).replaceAll(".", "-"), subject, queue_group: "q" };
}

function about(endpoint: Endpoint<unknown, unknown>): Record<string, string> {
  const { contract, idempotent, timeoutMs, maxRequest, access } = endpoint;
  return { contract, idempotent: String(idempotent), timeout_ms: String(timeoutMs), max_request: String(maxRequest), access };
}
