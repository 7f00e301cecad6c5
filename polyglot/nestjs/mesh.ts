/** Lets the NATS client of NestJS speak the wire contract: bare JSON instead of its envelope, and problems as errors. */

import { randomUUID } from "node:crypto";
import { headers, type Msg } from "@nats-io/transport-node";
import {
  NatsRecord,
  NatsRecordBuilder,
  RpcException,
  type ClientProxy,
  type OutgoingRequest,
  type ProducerDeserializer,
  type Serializer,
} from "@nestjs/microservices";
import { defer, timeout, type Observable } from "rxjs";
import type { Endpoint } from "./contracts/subjects.js";

/** Sends the arguments alone. A worker refuses `{ pattern, data, id }` (W-REQ-1). */
export const bareSerializer: Serializer<OutgoingRequest> = {
  serialize({ data }) {
    const record = data instanceof NatsRecord ? data : new NatsRecord(data, undefined);
    return { data: JSON.stringify(record.data ?? {}), headers: record.headers };
  },
};

/** Reads a bare reply. Only the header tells a problem from a success (W-ERR-1). An error that is thrown here has no catcher. */
export const bareDeserializer: ProducerDeserializer = {
  deserialize(reply: Msg) {
    const done = { id: "", isDisposed: true };
    try {
      const body: unknown = reply.json();
      return reply.headers?.has("Nats-Service-Error-Code") ? { ...done, err: new RpcException(body as object) } : { ...done, response: body };
    } catch {
      return { ...done, err: new RpcException("the reply is not JSON") };
    }
  },
};

export interface CallOptions {
  /** Milliseconds to wait; by default the endpoint's own timeout. */
  readonly within?: number;
  /** The access token of the end user. */
  readonly token?: string;
  /** The id of the request in all logs; by default a new one. */
  readonly requestId?: string;
  /** Makes a repeated write happen once: pass the same key again. */
  readonly idempotencyKey?: string;
}

/** Calls an endpoint once someone subscribes. Fails with an RpcException that has the problem, or with a TimeoutError. */
export function call<Request, Reply>(
  client: ClientProxy,
  endpoint: Endpoint<Request, Reply>,
  request: Request,
  { within = endpoint.timeoutMs, token, requestId = randomUUID(), idempotencyKey }: CallOptions = {},
): Observable<Reply> {
  return defer(() => {
    const told = headers();
    told.set("X-Request-Id", requestId);
    told.set("Request-Timeout", String(within));
    told.set("Request-Deadline", String(Date.now() + within));
    if (token !== undefined) told.set("Authorization", `Bearer ${token}`);
    if (idempotencyKey !== undefined) told.set("Idempotency-Key", idempotencyKey);
    const record = new NatsRecordBuilder(request).setHeaders(told).build();
    return client.send<Reply>(endpoint.subject, record).pipe(timeout(within));
  });
}
