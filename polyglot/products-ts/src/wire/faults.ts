/** What a caller is told: faults, and their form on the wire (W-ERR). */

import { headers, type MsgHdrs } from "@nats-io/nats-core";

const CODES = {
  invalid_argument: [422, "Invalid argument"],
  unauthenticated: [401, "Authentication needed"],
  permission_denied: [403, "Permission denied"],
  not_found: [404, "Not found"],
  conflict: [409, "Conflict"],
  payload_too_large: [413, "Payload too large"],
  overloaded: [503, "Temporarily unavailable"],
  deadline_exceeded: [504, "Deadline exceeded"],
  internal: [500, "Internal error"],
} as const;
const RETRYABLE: readonly string[] = ["overloaded", "deadline_exceeded"];

export type Code = keyof typeof CODES;

export interface FieldError {
  readonly field: string;
  readonly reason: string;
  readonly message: string;
}

export class Fault extends Error {
  constructor(
    readonly code: Code,
    readonly reason: string,
    readonly detail: string,
    readonly errors: readonly FieldError[] = [],
    /** Of a row that has another version than the request expects. */
    readonly currentVersion?: number,
  ) {
    super(`${reason}: ${detail}`);
  }

  get number(): number {
    return CODES[this.code][0];
  }
}

/** The fault of a field that the caller sent. */
export function invalid(field: string, reason: string, message: string): Fault {
  return new Fault("invalid_argument", reason, `${field}: ${message}`, [{ field, reason, message }]);
}

export function overloaded(reason: string, detail: string): Fault {
  return new Fault("overloaded", reason, detail);
}

export function late(): Fault {
  return new Fault("deadline_exceeded", "deadline_exceeded", "the deadline passed before the work was done");
}

export function internal(): Fault {
  return new Fault("internal", "internal", "an internal error; the log has it under the request id");
}

/** The headers and the body of an error reply. */
export function problem(fault: Fault, requestId: string): { headers: MsgHdrs; body: string } {
  const [status, title] = CODES[fault.code];
  const marks = headers();
  marks.set("Nats-Service-Error-Code", String(status));
  marks.set("Nats-Service-Error", fault.detail.replace(/[^ -~]/g, "?"));
  marks.set("Content-Type", "application/problem+json");
  marks.set("X-Request-Id", requestId);
  const body = JSON.stringify({
    type: `urn:northwind-mesh:problem:${fault.code}`,
    title,
    status,
    code: fault.code,
    reason: fault.reason,
    detail: fault.detail,
    retryable: RETRYABLE.includes(fault.code),
    errors: fault.errors,
    request_id: requestId,
    current_version: fault.currentVersion, // left out if undefined
  });
  return { headers: marks, body };
}
