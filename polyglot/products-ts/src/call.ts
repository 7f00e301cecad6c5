/** One request: what its headers say, and how long it may take. */

import type { Caller } from "./tokens.js";
import { late } from "./wire/faults.js";

export class Call {
  caller: Caller | undefined;
  key: string | undefined;

  constructor(
    readonly subject: string,
    readonly requestId: string,
    readonly traceparent: string | undefined,
    /** By performance.now(). */
    public deadline: number,
  ) {}

  get left(): number {
    return this.deadline - performance.now();
  }

  /** Throws the fault of a late request. */
  check(): void {
    if (this.left <= 0) throw late();
  }

  /** What each line of the log says of it. */
  get logged(): Record<string, string> {
    const trace = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(this.traceparent ?? "")?.[1];
    return { request_id: this.requestId, ...(trace === undefined ? {} : { trace_id: trace }) };
  }
}
