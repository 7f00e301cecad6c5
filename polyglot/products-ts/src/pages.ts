/** Pages of a list: a cursor names the last row seen (W-PAGE). */

import type { Statements } from "./database.js";
import { readCursor, writeCursor } from "./wire/cursors.js";
import { invalid } from "./wire/faults.js";

type IsValid = (value: unknown) => boolean;
type Row = Record<string, unknown>;

const LARGEST = 2 ** 31 - 1;
const isWhole = (least: number) => (value: unknown) => Number.isInteger(value) && Number(value) >= least && Number(value) <= LARGEST;

/** What a value in a cursor may be: whoever reads the code can make a checksum. */
export const isId: IsValid = isWhole(1);
export const isCount: IsValid = isWhole(0);
export const isName: IsValid = (value) => typeof value === "string" && !value.includes("\0");
export const isAmount: IsValid = (value) => typeof value === "string" && /^(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?$/.test(value);

/** The columns to sort by, the last one unique, and what their values may be. */
export type Order = readonly (readonly [column: string, isValid: IsValid])[];

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

  /** The rows of the page, and the cursor of the next one. */
  async page(
    db: Statements,
    order: Order,
    descending: boolean,
    scope: string,
    { limit = 50, cursor }: { limit?: number; cursor?: string | null },
  ): Promise<{ rows: Row[]; next: string | null }> {
    const columns = order.map(([column]) => column);
    if (cursor !== undefined && cursor !== null) {
      const places = position(cursor, scope, order).map((value) => `$${this.values.push(value)}`);
      this.conditions.push(`(${columns.join(", ")}) ${descending ? "<" : ">"} (${places.join(", ")})`);
    }
    const where = this.conditions.length > 0 ? `WHERE ${this.conditions.join(" AND ")}` : "";
    const by = columns.map((column) => (descending ? `${column} DESC` : column)).join(", ");
    const text = `SELECT ${this.columns} FROM ${this.table} ${where} ORDER BY ${by} LIMIT $${this.values.push(limit + 1)}`;
    const { rows } = await db.query<Row>(text, this.values);
    if (rows.length <= limit) return { rows, next: null };
    rows.pop();
    const last = rows.at(-1) ?? {};
    return { rows, next: writeCursor(columns.map((column) => last[column]), scope) };
  }
}

function position(cursor: string, scope: string, order: Order): unknown[] {
  const values = readCursor(cursor, scope);
  if (values?.length !== order.length || !order.every(([, isValid], index) => isValid(values[index]))) {
    throw invalid("cursor", "invalid_cursor", "the cursor belongs to another list, order or filter");
  }
  return values;
}
