/** Reads the headers of a request as W-HDR says. nats.js joins repeated ones, trims too much and drops broken lines. */

import { randomBytes } from "node:crypto";
import type { Msg } from "@nats-io/nats-core";
import type { MsgImpl } from "@nats-io/nats-core/internal";
import { invalid } from "./faults.js";

export type Headers = ReadonlyMap<string, string>;

const NAMES = [
  "X-Request-Id", "Request-Timeout", "Request-Deadline", "Idempotency-Key", "Authorization", "Client-Address",
  "Content-Type", "traceparent", "tracestate", "baggage", "Nats-Service-Error", "Nats-Service-Error-Code",
  "ce-specversion", "ce-id", "ce-type", "ce-source", "ce-subject", "ce-time", "Nats-Msg-Id",
  "Dead-Reason", "Dead-Detail", "Dead-Attempts", "Dead-Subject", "Dead-Sequence",
];
const SPELLINGS = new Map(NAMES.map((name) => [name.toLowerCase(), name]));
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const STATUS = /^NATS\/1\.0(?: +([1-5][0-9]{2})(?: .*)?)?$/;
const MOST_BYTES = 32 * 1024;
const MOST_HEADERS = 100;
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The headers of a block, or null for one that is refused. */
export function readHeaders(block: Uint8Array): Headers | null {
  const lines = utf8.decode(block).split("\r\n");
  const status = STATUS.exec(lines[0] ?? "");
  const named = lines.slice(1, -2);
  const ends = lines.length >= 3 && lines.at(-1) === "" && lines.at(-2) === "";
  if (block.length > MOST_BYTES || named.length > MOST_HEADERS || status === null || !ends) return null;
  const headers = new Map<string, string>();
  if (status[1] !== undefined) headers.set("Status", status[1]);
  for (const line of named) {
    const colon = line.indexOf(":");
    const written = line.slice(0, Math.max(colon, 0));
    if (!NAME.test(written)) return null;
    const known = SPELLINGS.get(written.toLowerCase());
    if (known !== undefined && headers.has(known)) return null;
    headers.set(known ?? written, line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ""));
  }
  return headers;
}

/** The headers of a message, from the bytes as they came: nats.js has no public name for these. */
export function headersOf(message: Msg): Headers | null {
  const { _msg, _rdata } = message as MsgImpl;
  return _msg.hdr > 0 ? readHeaders(_rdata.subarray(0, _msg.hdr)) : new Map();
}

/** The caller's request id, or a new one (W-ID-1). */
export function requestId(given: string | undefined): string {
  return given !== undefined && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : randomBytes(16).toString("hex");
}

/** The Idempotency-Key, if there is one (W-IDEM-2). */
export function idempotencyKey(headers: Headers): string | undefined {
  const key = headers.get("Idempotency-Key");
  if (key === undefined || /^[ -~]{1,255}$/.test(key)) return key;
  throw invalid("Idempotency-Key", "invalid_header", "must be 1 to 255 printable ASCII characters");
}
