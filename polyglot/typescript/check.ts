// Compiles only if the generated types keep an omitted field apart from null, and know their subjects.
import type { Customer, CustomerPatch } from "./contracts.js";
import { endpoints, events, type Endpoint } from "./subjects.js";

export const omitted: CustomerPatch = {};
export const cleared: CustomerPatch = { fax: null, city: "Berlin" };

// @ts-expect-error: undefined is not the same as omitted
export const undefinedCity: CustomerPatch = { city: undefined };
// @ts-expect-error: a company has a name
export const nameless: CustomerPatch = { company_name: null };
// @ts-expect-error: no such field
export const misspelt: CustomerPatch = { town: "Berlin" };
// @ts-expect-error: fields of a reply are there, or null
export const incomplete: Customer = { customer_id: "ALFKI" };

type ReplyOf<E> = E extends Endpoint<infer _, infer Reply> ? Reply : never;
export const reply = (customer: ReplyOf<(typeof endpoints)["customers.update"]>): number => customer.version;
// @ts-expect-error: no such subject
export const unknownSubject = endpoints["customers.forget"];
export const durable: boolean = events["events.orders.placed"].durable;
