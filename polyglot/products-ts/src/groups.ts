/** Categories and suppliers in PostgreSQL: tables of the same kind. */

import type { Call } from "./call.js";
import type * as shapes from "./contracts/contracts.js";
import type { Statements } from "./database.js";
import { publish } from "./outbox.js";
import { isId, Select } from "./pages.js";
import { otherVersion } from "./refusals.js";
import { scopeOf } from "./wire/cursors.js";
import { Fault } from "./wire/faults.js";

type Columns = Readonly<Record<string, unknown>>;
type Row = { readonly version: number };

/** One of the tables; `one` is its row's name, as in `<one>_id` and `products.<one>_changed`. */
class Table<R extends Row> {
  private readonly key: string;

  constructor(private readonly one: string, private readonly name: string, private readonly columns: string) {
    this.key = `${one}_id`;
  }

  async list(request: shapes.ListCategories | shapes.ListSuppliers, db: Statements): Promise<{ items: R[]; next_cursor: string | null }> {
    const scope = scopeOf(`products.${this.name}.list`, request);
    const page = await new Select(this.columns, this.name).page(db, [[this.key, isId]], scope, request);
    return { items: page.rows as unknown as R[], next_cursor: page.next };
  }

  async get(id: number, db: Statements): Promise<R> {
    const { rows } = await db.query<R>(`SELECT ${this.columns} FROM ${this.name} WHERE ${this.key} = $1`, [id]);
    if (rows[0] === undefined) throw new Fault("not_found", `${this.one}_not_found`, `there is no ${this.one} ${id}`);
    return rows[0];
  }

  async create(row: Columns, tx: Statements, call: Call): Promise<R> {
    const names = Object.keys(row);
    const places = names.map((_, index) => `$${index + 1}`);
    const text = `INSERT INTO ${this.name} (${names.join(", ")}) VALUES (${places.join(", ")}) RETURNING ${this.columns}`;
    const { rows } = await tx.query<R>(text, Object.values(row));
    if (rows[0] === undefined) throw new Error("the statement returned no row");
    return this.changed(rows[0], tx, call);
  }

  async update(id: number, expected: number, patch: Columns, tx: Statements, call: Call): Promise<R> {
    const assignments = Object.keys(patch).map((name, index) => `${name} = $${index + 3}`);
    const text = `UPDATE ${this.name} SET ${assignments.join(", ")}, version = version + 1, updated_at = now()
      WHERE ${this.key} = $1 AND version = $2 RETURNING ${this.columns}`;
    const { rows } = await tx.query<R>(text, [id, expected, ...Object.values(patch)]);
    if (rows[0] !== undefined) return this.changed(rows[0], tx, call);
    throw otherVersion(this.one, id, (await this.get(id, tx)).version, expected);
  }

  private async changed(row: R, tx: Statements, call: Call): Promise<R> {
    const id = (row as unknown as Record<string, number>)[this.key];
    await publish(tx, call, `products.${this.one}_changed`, String(id), { [this.key]: id, version: row.version });
    return row;
  }
}

const CATEGORIES = new Table<shapes.Category>("category", "categories", "category_id, category_name, description, version");
const SUPPLIERS = new Table<shapes.Supplier>(
  "supplier",
  "suppliers",
  `supplier_id, company_name, contact_name, contact_title, address, city, region, postal_code, country, phone, fax,
    homepage, version`,
);

export const listCategories = (request: shapes.ListCategories, db: Statements) => CATEGORIES.list(request, db);
export const getCategory = (request: shapes.GetCategory, db: Statements) => CATEGORIES.get(request.category_id, db);
export const createCategory = (request: shapes.CreateCategory, tx: Statements, call: Call) =>
  CATEGORIES.create({ ...request }, tx, call);
export const updateCategory = (request: shapes.UpdateCategory, tx: Statements, call: Call) =>
  CATEGORIES.update(request.category_id, request.expected_version, { ...request.patch }, tx, call);

export const listSuppliers = (request: shapes.ListSuppliers, db: Statements) => SUPPLIERS.list(request, db);
export const getSupplier = (request: shapes.GetSupplier, db: Statements) => SUPPLIERS.get(request.supplier_id, db);
export const createSupplier = (request: shapes.CreateSupplier, tx: Statements, call: Call) =>
  SUPPLIERS.create({ ...request }, tx, call);
export const updateSupplier = (request: shapes.UpdateSupplier, tx: Statements, call: Call) =>
  SUPPLIERS.update(request.supplier_id, request.expected_version, { ...request.patch }, tx, call);
