/** The exported contracts: requests are validated by their JSON Schemas, in the wire's own words (W-VAL). */

import { readFileSync } from "node:fs";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { Fault, type FieldError } from "./faults.js";
import { MalformedJson, readJson } from "./json.js";

interface Schema {
  readonly [keyword: string]: unknown;
}
interface Exported {
  readonly version: string;
  readonly services: Readonly<Record<string, string>>;
  readonly endpoints: Readonly<Record<string, { readonly request: { readonly $ref: string }; readonly reasons: Readonly<Record<string, string>> }>>;
}

/** A file that the build has put beside the program. */
export function exported<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), "utf8"));
}

export const contracts = exported<Exported>("contracts.json");
export const reasons = exported<{ reasons: Readonly<Record<string, { code: string; shared_by: string | null }>> }>("reasons.json").reasons;
const schemas = exported<{ $id: string; $defs: Readonly<Record<string, Schema>> }>("schemas.json");

const MOST_ERRORS = 20;
const LONGEST_FIELD = 100;
const REASONS: Readonly<Record<string, string>> = {
  required: "required",
  additionalProperties: "unknown_field",
  type: "wrong_type",
  pattern: "pattern",
  format: "pattern",
  seen: "pattern",
  minLength: "too_short",
  maxLength: "too_long",
  minItems: "too_few",
  minProperties: "too_few",
  maxItems: "too_many",
  minimum: "too_small",
  maximum: "too_large",
  enum: "not_allowed",
  const: "not_allowed",
};

const ranges = exported<{ blank: [string, string][] }>("blank.json").blank;
const BLANK = new RegExp(`^[${ranges.map(([from, to]) => `\\u{${from}}-\\u{${to}}`).join("")}]*$`, "u");

/** The schema with the keyword `seen` in each text of at least one character (W-VAL-4): JSON Schema cannot say it. */
function withSeen(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withSeen);
  if (schema === null || typeof schema !== "object") return schema;
  const members = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, withSeen(value)]));
  return "minLength" in members ? { ...members, seen: true } : members;
}

function isDay(text: string): boolean {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) || text < "0001") return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.valueOf()) && day.toISOString().startsWith(text);
}

const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, formats: { date: isDay, uuid: true, "date-time": true } });
ajv.addVocabulary(["x-enum", "x-known-values", "x-identifies", "x-secret"]);
ajv.addKeyword({ keyword: "seen", type: "string", errors: false, validate: (_: true, text: string) => !BLANK.test(text) });
ajv.addSchema(withSeen(schemas) as Schema, "schemas.json");

/** Reads the body of a request to the subject. The schema is compiled now. */
export function reader(subject: string): (body: Uint8Array) => unknown {
  const reference = contracts.endpoints[subject]?.request;
  if (reference === undefined) throw new Error(`no contract of ${subject}`);
  const validate = ajv.compile(reference);
  return (body) => {
    let request: unknown;
    try {
      request = body.length === 0 ? {} : readJson(body);
    } catch (error) {
      if (error instanceof MalformedJson) throw new Fault("invalid_argument", "malformed_json", error.message);
      throw error;
    }
    if (!validate(request)) throw refused(validate.errors ?? []);
    return request;
  };
}

/** The digest of W-IDEM-7 is over the payload in the order of its schema. */
export function inSchemaOrder(value: unknown, schema: unknown): unknown {
  const reference = (schema as Schema)["$ref"];
  if (typeof reference === "string") return inSchemaOrder(value, schemas.$defs[reference.slice(reference.lastIndexOf("/") + 1)]);
  const { properties, items } = schema as { properties?: Record<string, unknown>; items?: unknown };
  if (Array.isArray(value)) return value.map((item) => inSchemaOrder(item, items ?? {}));
  if (value === null || typeof value !== "object" || properties === undefined) return value;
  const members = value as Record<string, unknown>;
  const names = Object.keys(properties).filter((name) => name in members);
  return Object.fromEntries(names.map((name) => [name, inSchemaOrder(members[name], properties[name])]));
}

export function requestSchema(subject: string): unknown {
  return contracts.endpoints[subject]?.request;
}

function refused(found: readonly ErrorObject[]): Fault {
  const errors = new Map<string, FieldError>();
  const first = new Map<string, string>();
  for (const error of found) {
    const path = error.instancePath.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    if (isBehind(path, first)) continue;
    const { missingProperty, additionalProperty } = error.params as Record<string, string | undefined>;
    const name = missingProperty ?? additionalProperty;
    const field = shown([...path, ...(name === undefined ? [] : [name])].join("."));
    const reason = REASONS[error.keyword] ?? "invalid";
    if (!errors.has(field)) errors.set(field, { field, reason, message: said(error) });
  }
  const all = [...errors.values()].slice(0, MOST_ERRORS);
  const names = all.map((error) => error.field).filter((field) => field !== "").join(", ");
  const detail = names === "" ? `the payload ${all[0]?.message}` : `the payload does not fit: ${names}`;
  return new Fault("invalid_argument", "invalid_payload", detail, all);
}

/** Whether the path leads into an item behind the first wrong one of its list: only that one is named (W-ERR-6). */
function isBehind(path: readonly string[], first: Map<string, string>): boolean {
  return path.some((part, depth) => {
    if (!/^[0-9]+$/.test(part)) return false;
    const list = path.slice(0, depth).join(".");
    if (!first.has(list)) first.set(list, part);
    return first.get(list) !== part;
  });
}

function said(error: ErrorObject): string {
  return error.keyword === "seen" ? "must have something to be seen" : (error.message ?? "does not fit");
}

function shown(field: string): string {
  const short = [...field].slice(0, LONGEST_FIELD).join("");
  return short.replace(/[\p{C}\p{Z}]/gu, (c) => (c === " " ? c : `\\u{${c.codePointAt(0)?.toString(16)}}`));
}
