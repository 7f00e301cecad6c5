/** Pages of a list: a cursor names the last row seen (W-PAGE). */

import type { Statements } from "./database.js";
import { readCursor, writeCursor } from "./wire/cursors.js";
import { invalid } from "./wire/faults.js";

type IsValid = (value: unknown) => boolean;
type Row = Record<string, unknown>;
interface Plan {
  readonly "Plan Rows": number;
  readonly "Total Cost": number;
}

/** Rows; beyond them a list has an estimate. */
const MOST_COUNTED = 10_000;
/** PostgreSQL's units; if counting all that matches costs more, nothing is counted. */
const MOST_COST = 20_000;

const LARGEST = 2 ** 31 - 1;
const isWhole = (least: number) => (value: unknown) => Number.isInteger(value) && Number(value) >= least && Number(value) <= LARGEST;

/** What a value in a cursor may be: whoever reads the code can make a checksum. */
export const isId: IsValid = isWhole(1);
export const isCount: IsValid = isWhole(0);
export const isName: IsValid = (value) => typeof value === "string" && !value.includes("\0");
export const isAmount: IsValid = (value) => typeof value === "string" && /^(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?$/.test(value);

/** The column of a SELECT with a timestamp as W-VAL-8 has it. */
export const timestamp = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS ${column}`;

/** The columns to sort by, the last one unique; what their values may be, and whether they descend. */
export type Order = readonly (readonly [column: string, isValid: IsValid, descending?: boolean])[];

/** The columns by the field that names them in `sort`, and what their values may be. */
export type Fields = Readonly<Record<string, readonly [column: string, isValid: IsValid]>>;

/** The order of a `sort`. The id breaks ties, in the direction of the last field; fields behind it would sort nothing. */
export function orderOf(sort: string, id: string, fields: Fields): Order {
  const keys = sort.split(",");
  const names = [...keys, keys.at(-1)?.startsWith("-") ? `-${id}` : id];
  const last = names.findIndex((one) => one.replace("-", "") === id);
  return names.slice(0, last + 1).map((one) => {
    const field = fields[one.replace("-", "")];
    if (field === undefined) throw new Error("a sort that its schema does not have");
    return [...field, one.startsWith("-")];
  });
}

/** A SELECT on one table. The SQL is our own; values from callers are parameters. */
export class Select {
  private readonly conditions: string[] = [];
  private readonly values: unknown[] = [];

  constructor(
    private readonly columns: string,
    private readonly table: string,
  ) {}

  /** Add a condition; `?` stands for the value. Nothing is added for a filter that is left out or null. */
  where(condition: string, value: unknown): this {
    if (value === undefined || value === null) return this;
    this.values.push(value);
    this.conditions.push(condition.replace("?", `$${this.values.length}`));
    return this;
  }

  /** Add a condition of our own, without a value: PostgreSQL uses a partial index only for a literal one. */
  only(condition: string): this {
    this.conditions.push(condition);
    return this;
  }

  /** How many rows match on all pages: counted if that is cheap, or else PostgreSQL's estimate (W-ROW-10). Call it before `page`. */
  async total(db: Statements): Promise<{ total: number; total_estimated: boolean }> {
    const matching = `SELECT 1 FROM ${this.table} ${this.condition()}`;
    const plan = await this.explain(db, matching);
    let counted = 0;
    if (plan["Total Cost"] <= MOST_COST) {
      const bounded = `SELECT count(*) FROM (${matching} LIMIT ${MOST_COUNTED + 1}) AS rows`;
      const { rows } = await db.query<{ count: string }>(bounded, this.values);
      counted = Number(rows[0]?.count);
      if (counted <= MOST_COUNTED) return { total: counted, total_estimated: false };
    }
    return { total: Math.min(Math.max(plan["Plan Rows"], counted), LARGEST), total_estimated: true };
  }

  private async explain(db: Statements, text: string): Promise<Plan> {
    const { rows } = await db.query<{ "QUERY PLAN": [{ Plan: Plan }] }>(`EXPLAIN (FORMAT JSON) ${text}`, this.values);
    if (rows[0] === undefined) throw new Error("EXPLAIN answers with no plan");
    return rows[0]["QUERY PLAN"][0].Plan;
  }

  private condition(): string {
    return this.conditions.length > 0 ? `WHERE ${this.conditions.join(" AND ")}` : "";
  }

  /** The rows of the page, and the cursor of the next one. */
  async page(
    db: Statements,
    order: Order,
    scope: string,
    { limit = 50, cursor }: { limit?: number; cursor?: string | null },
  ): Promise<{ rows: Row[]; next: string | null }> {
    if (cursor !== undefined && cursor !== null) {
      const places = position(cursor, scope, order).map((value) => `$${this.values.push(value)}`);
      this.conditions.push(behind(order, places));
    }
    const by = order.map(([column, , descending]) => (descending ? `${column} DESC` : column)).join(", ");
    const text = `SELECT ${this.columns} FROM ${this.table} ${this.condition()} ORDER BY ${by} LIMIT $${this.values.push(limit + 1)}`;
    const { rows } = await db.query<Row>(text, this.values);
    if (rows.length <= limit) return { rows, next: null };
    rows.pop();
    const last = rows.at(-1) ?? {};
    return { rows, next: writeCursor(order.map(([column]) => last[column]), scope) };
  }
}

/** The condition of the rows after a position. If all columns have one direction, an index can seek by the row. */
function behind(order: Order, places: readonly string[]): string {
  const than = order.map(([, , descending]) => (descending ? "<" : ">"));
  const columns = order.map(([column]) => column);
  if (new Set(than).size === 1) return `(${columns.join(", ")}) ${than[0]} (${places.join(", ")})`;
  return columns.reduceRight((rest, column, i) => {
    const seek = `${column} ${than[i]} ${places[i]}`;
    return rest === "" ? seek : `${column} ${than[i]}= ${places[i]} AND (${seek} OR ${rest})`;
  }, "");
}

function position(cursor: string, scope: string, order: Order): unknown[] {
  const values = readCursor(cursor, scope);
  if (values?.length !== order.length || !order.every(([, isValid], index) => isValid(values[index]))) {
    throw invalid("cursor", "invalid_cursor", "the cursor belongs to another list, order or filter");
  }
  return values;
}
