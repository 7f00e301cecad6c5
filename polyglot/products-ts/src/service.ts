/** Answers requests over NATS: each exactly once, a bounded number at a time, in the order of W-REQ-2. */

import { setImmediate } from "node:timers/promises";
import { headers, type Msg, type NatsConnection, type Subscription } from "@nats-io/nats-core";
import { Call } from "./call.js";
import { endpoints, type Endpoint } from "./contracts/subjects.js";
import { Instance, Stats, SUBSCRIBING, type Route } from "./discovery.js";
import type { Subject } from "./handlers.js";
import { log, text } from "./log.js";
import type { Verifier } from "./tokens.js";
import { contracts, reader, reasons } from "./wire/contracts.js";
import { Clocks, timeLeft } from "./wire/deadlines.js";
import { Fault, internal, late, overloaded, problem } from "./wire/faults.js";
import { headersOf, idempotencyKey, requestId, type Headers } from "./wire/headers.js";

/** The reply to a valid request, as JSON. */
export type Answer = (request: unknown, call: Call) => Promise<string>;

interface Endpointed extends Route {
  readonly endpoint: Endpoint<unknown, unknown>;
  readonly read: (body: Uint8Array) => unknown;
}
interface Accepted {
  readonly route: Endpointed;
  readonly message: Msg;
  readonly call: Call;
  readonly authorization: string | undefined;
  readonly fault: Fault | undefined;
}

const VERBS = ["PING", "INFO", "STATS"];
const NEWEST = 0.1;
const MAY_WAIT = 0.25;

export class Service {
  readonly instance = new Instance();
  private readonly routes: Endpointed[];
  private readonly discovery: Subscription[] = [];
  private readonly serving: Subscription[] = [];
  private refused: string | undefined;
  private readonly waiting: Accepted[] = [];
  private running = 0;
  private usual = 0;
  private whenIdle: () => void = () => {};
  private readonly clocks = new Clocks((caller, seconds) => log.warning("clocks_differ", { caller, seconds }));

  constructor(
    private readonly nats: NatsConnection,
    subjects: readonly Subject[],
    private readonly answer: Answer,
    private readonly verifier: Verifier,
    private readonly bounds: { readonly concurrency: number; readonly queue: number },
    private readonly statistics: () => object,
  ) {
    this.routes = subjects.map((subject) => ({ endpoint: endpoints[subject], read: reader(subject), stats: new Stats() }));
  }

  /** Answer discovery, not ready yet. */
  start(): void {
    for (const verb of VERBS) {
      for (const subject of this.instance.subjects(verb)) {
        this.discovery.push(this.nats.subscribe(subject, { callback: (error, message) => this.describe(verb, error, message) }));
      }
    }
  }

  /** Join the queue group, unless NATS refuses an endpoint. `limit` says what cannot be served. Throws without NATS. */
  async resume(limit: string | undefined): Promise<void> {
    this.instance.limit = limit;
    const tried = this.refused;
    if (tried !== undefined) await this.leave();
    if (this.serving.length === 0) {
      this.refused = undefined;
      // What NATS refused comes first: the others would join the queue group and leave it again each time.
      for (const first of [true, false]) {
        try {
          await this.subscribe(this.routes.filter((route) => first === (route.endpoint.subject === tried)));
        } catch (error) {
          await this.leave();
          throw error;
        }
        if (this.refused !== undefined) return this.leave();
      }
      log.info("service_resumed", { id: this.instance.id });
    }
    this.instance.absence = undefined;
  }

  /** NATS has refused a subscription: the next `resume` leaves the queue group, and each later one tries again. */
  withdrawn(subject: string): void {
    if (!this.routes.some((route) => route.endpoint.subject === subject)) return;
    this.refused = subject;
    const absence = `${SUBSCRIBING}: NATS refuses ${subject}`;
    if (this.instance.absence !== absence) log.error("service_refused", { subject }); // one line, not one per retry
    this.instance.absence = absence;
  }

  /** Leave the queue group. Nothing that was routed here is lost: it arrives before the server confirms. */
  async pause(reason: string): Promise<void> {
    if (this.instance.absence !== reason) log.warning("service_paused", { reason });
    this.instance.absence = reason;
    await this.leave();
  }

  private async subscribe(routes: readonly Endpointed[]): Promise<void> {
    for (const route of routes) {
      const callback = (error: Error | null, message: Msg) => this.accept(route, error, message);
      this.serving.push(this.nats.subscribe(route.endpoint.subject, { queue: "q", callback }));
    }
    await this.nats.flush();
    await setImmediate(); // by then `withdrawn` has heard what NATS said before it confirmed
  }

  private async leave(): Promise<void> {
    const open = this.serving.splice(0).filter((one) => !one.isClosed()); // the library closes what NATS refuses
    await Promise.all(open.map((one) => one.drain()));
  }

  /** Accept nothing new, and answer all that was accepted. */
  async drain(): Promise<void> {
    log.info("service_draining");
    await Promise.all([this.leave(), ...this.discovery.splice(0).map((one) => one.drain())]);
    if (this.running > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
    await this.nats.flush();
    log.info("service_drained");
  }

  private accept(route: Endpointed, error: Error | null, message: Msg): void {
    if (error !== null) return log.warning("subscription_failed", { subject: route.endpoint.subject, error: text(error) });
    if (!(message.reply ?? "").startsWith("_INBOX_")) return log.warning("request_without_inbox", { subject: message.subject });
    const request = this.read(route, message);
    const { maxRequest } = route.endpoint;
    if (message.data.length > maxRequest) {
      this.refuse(request, new Fault("payload_too_large", "request_too_large", `the request is longer than ${maxRequest} bytes`));
    } else if (this.running < this.bounds.concurrency) {
      void this.run(request);
    } else {
      const reason = this.refusal(request.call.left);
      if (reason === undefined) this.waiting.push(request);
      else this.refuse(request, overloaded(reason, "products has no free handler, and its queue is full"));
    }
  }

  /** What the headers say. A fault in them is answered in its turn. */
  private read(route: Endpointed, message: Msg): Accepted {
    const { subject, timeoutMs, keyed } = route.endpoint;
    const found = headersOf(message);
    const given: Headers = found ?? new Map();
    const call = new Call(subject, requestId(given.get("X-Request-Id")), given.get("traceparent"), performance.now() + timeoutMs);
    let fault: Fault | undefined;
    try {
      if (found === null) throw new Fault("invalid_argument", "invalid_header", "the headers cannot be read");
      const now = performance.timeOrigin + performance.now();
      const waited = (sent: number) => this.clocks.waited(message.reply ?? "", subject, sent, now);
      call.deadline = performance.now() + timeLeft(given, timeoutMs, now, waited);
      if (keyed) call.key = idempotencyKey(given);
    } catch (error) {
      fault = error instanceof Fault ? error : internal();
    }
    return { route, message, call, authorization: given.get("Authorization"), fault };
  }

  /** Why one more request cannot wait; undefined if it can. */
  private refusal(left: number): string | undefined {
    if (this.waiting.length >= this.bounds.queue) return "queue_full";
    const wait = ((this.waiting.length + 1) / this.bounds.concurrency) * this.usual;
    return wait <= MAY_WAIT * left && wait + this.usual <= left ? undefined : "queue_too_slow";
  }

  private async run(request: Accepted): Promise<void> {
    this.running += 1;
    const started = performance.now();
    const isLate = request.call.left <= 0;
    const work = this.reply(request);
    const fault = await this.respond(request, work);
    const milliseconds = performance.now() - started;
    request.route.stats.count(milliseconds, fault && `${fault.number}: ${fault.detail}`);
    const outcome = fault?.code ?? "ok";
    const ms = Math.round(milliseconds * 100) / 100;
    log.info("request", { subject: request.call.subject, outcome, ms, ...request.call.logged });
    await work.catch(() => {}); // a late handler keeps its place until its last statement has ended
    if (!isLate) this.usual += (performance.now() - started - this.usual) * NEWEST;
    this.running -= 1;
    const next = this.waiting.shift();
    if (next !== undefined) void this.run(next);
    else if (this.running === 0) this.whenIdle();
  }

  /** The reply. Throws the fault to answer with. */
  private async reply({ route, message, call, authorization, fault }: Accepted): Promise<string> {
    if (fault !== undefined) throw fault;
    call.check();
    const request = route.read(message.data);
    if (route.endpoint.verified) await this.verify(route.endpoint, call, authorization);
    return this.answer(request, call);
  }

  private async verify(endpoint: Endpoint<unknown, unknown>, call: Call, authorization: string | undefined): Promise<void> {
    if (authorization === undefined) throw new Fault("unauthenticated", "token_required", "an access token is required");
    call.caller = await this.verifier.verify(authorization);
    const { roles } = call.caller;
    const role = endpoint.access.toUpperCase();
    if (endpoint.access !== "anyone" && !roles.includes("ADMIN") && !roles.includes(role)) {
      throw new Fault("permission_denied", "role_required", `the role ${role} is required`);
    }
  }

  /** Send what the work brings, or that the deadline has passed. Returns the fault that was sent. */
  private async respond({ route, message, call }: Accepted, work: Promise<string>): Promise<Fault | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(late()), Math.max(0, call.left))));
    try {
      const body = await Promise.race([work, expired]);
      const marks = headers();
      marks.set("X-Request-Id", call.requestId);
      this.send(message, body, marks);
      return undefined;
    } catch (error) {
      const fault = told(route.endpoint, error, call);
      const { headers: marks, body } = problem(fault, call.requestId);
      this.send(message, body, marks);
      return fault;
    } finally {
      clearTimeout(timer);
    }
  }

  private refuse({ route, message, call }: Accepted, fault: Fault): void {
    route.stats.count(0, `${fault.number}: ${fault.detail}`);
    const { headers: marks, body } = problem(fault, call.requestId);
    this.send(message, body, marks);
  }

  private send(message: Msg, body: string, marks: ReturnType<typeof headers>): void {
    try {
      message.respond(body, { headers: marks });
    } catch (error) {
      log.warning("reply_not_sent", { subject: message.subject, error: text(error) });
    }
  }

  private describe(verb: string, error: Error | null, message: Msg): void {
    if (error !== null) return log.error("subscription_failed", { subject: `$SRV.${verb}`, error: text(error) });
    if (message.subject === "$SRV.PING.products") this.instance.hear(message.data);
    if ((message.reply ?? "").startsWith("_INBOX_")) {
      message.respond(JSON.stringify(this.instance.document(verb, this.routes, this.statistics())));
    }
  }
}

/** The fault that the caller is told: one that the endpoint declares, or an internal error, which is logged. */
function told(endpoint: Endpoint<unknown, unknown>, error: unknown, call: Call): Fault {
  if (error instanceof Fault) {
    const declared = contracts.endpoints[endpoint.subject]?.reasons[error.reason] ?? shared(endpoint, error.reason);
    if (declared === error.code) return error;
  }
  log.error("handler_failed", { subject: endpoint.subject, error: error instanceof Error ? error.stack : String(error), ...call.logged });
  return internal();
}

function shared(endpoint: Endpoint<unknown, unknown>, reason: string): string | undefined {
  const known = reasons[reason];
  const holds = { all: true, keyed: endpoint.keyed, verified: endpoint.verified }[known?.shared_by ?? ""] ?? false;
  return holds ? known?.code : undefined;
}
