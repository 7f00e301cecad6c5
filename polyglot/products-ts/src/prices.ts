/** Prices in PostgreSQL: their history, which a trigger writes, and changes of many at once. */

import type { Call } from "./call.js";
import type * as shapes from "./contracts/contracts.js";
import type { Statements } from "./database.js";
import { isId, Select, timestamp } from "./pages.js";
import { notFound } from "./refusals.js";
import { announce } from "./stock.js";
import { scopeOf } from "./wire/cursors.js";
import { Fault, invalid } from "./wire/faults.js";

const NAME_CALLER = "SELECT set_config('mesh.user_id', $1, true), set_config('mesh.request_id', $2, true)";
const PRICE = `price_id, unit_price, previous_price, user_id, request_id,
  ${timestamp("at")}`;
const MOST_CHANGES = 1000;
const MATCHING = `SELECT product_id, unit_price, version FROM products
  WHERE NOT discontinued AND ($1::integer IS NULL OR category_id = $1) AND ($2::integer IS NULL OR supplier_id = $2)
  ORDER BY product_id LIMIT $3`;
// PostgreSQL rounds half up: nothing here computes with money.
const CHANGED = `SELECT product_id, unit_price AS previous_price, changed AS unit_price, version,
    exact >= 0 AND changed <= 99999999.99 AS fits, changed <> unit_price AS differs
  FROM unnest($1::integer[], $2::numeric[], $3::integer[]) AS line (product_id, unit_price, version),
    LATERAL (SELECT CASE $4 WHEN 'percent' THEN unit_price * (100 + $5::numeric) / 100 ELSE unit_price + $5::numeric END) AS one (exact),
    round(exact, 2) AS changed
  ORDER BY product_id`;
const CHANGE = `UPDATE products SET unit_price = line.unit_price, version = line.version, updated_at = now()
  FROM unnest($1::integer[], $2::numeric[], $3::integer[]) AS line (product_id, unit_price, version)
  WHERE products.product_id = line.product_id`;

type Row = Pick<shapes.Product, "product_id" | "unit_price" | "version">;
type Changed = shapes.PriceChange & { readonly fits: boolean; readonly differs: boolean };

/** Tell the trigger that keeps prices who sets them, and by which request (W-STATE-7). */
export async function nameCaller(tx: Statements, call: Call): Promise<void> {
  await tx.query(NAME_CALLER, [call.caller?.sub ?? "", call.requestId]);
}

export async function list(request: shapes.ListPrices, db: Statements): Promise<shapes.PricePage> {
  const { product_id } = request;
  const { rowCount } = await db.query("SELECT FROM products WHERE product_id = $1", [product_id]);
  if (rowCount === 0) throw notFound(product_id);
  const select = new Select(PRICE, "product_prices").where("product_id = ?", product_id);
  const page = await select.page(db, [["price_id", isId, true]], scopeOf("products.prices.list", request), request);
  return { items: page.rows as unknown as shapes.Price[], next_cursor: page.next };
}

export async function change(request: shapes.BulkChange, tx: Statements, call: Call): Promise<shapes.PricesChanged> {
  const { category_id = null, supplier_id = null, by, change, dry_run = false, at_most = MOST_CHANGES } = request;
  await refuseUnknown(tx, category_id, supplier_id);
  const matching = dry_run ? MATCHING : `${MATCHING} FOR UPDATE`; // in the order of W-STATE-6
  const { rows } = await tx.query<Row>(matching, [category_id, supplier_id, at_most + 1]);
  if (rows.length > at_most) throw new Fault("conflict", "too_many_products", `more than ${at_most} products match`);
  const found = await tx.query<Changed>(CHANGED, [...columns(rows), by, change]);
  const unfit = found.rows.find((row) => !row.fits);
  if (unfit !== undefined) {
    const detail = `the price of product ${unfit.product_id} would not be between 0.00 and 99999999.99`;
    throw new Fault("conflict", "price_out_of_range", detail);
  }
  const prices = found.rows
    .filter((row) => row.differs)
    .map(({ fits: _, differs: __, ...price }) => ({ ...price, version: price.version + (dry_run ? 0 : 1) }));
  if (prices.length > 0 && !dry_run) await write(prices, tx, call);
  return { dry_run, prices };
}

async function write(prices: readonly shapes.PriceChange[], tx: Statements, call: Call): Promise<void> {
  await nameCaller(tx, call);
  await tx.query(CHANGE, columns(prices));
  for (const price of prices) await announce(tx, call, price);
}

function columns(rows: readonly Row[]): unknown[] {
  return [rows.map((row) => row.product_id), rows.map((row) => row.unit_price), rows.map((row) => row.version)];
}

async function refuseUnknown(tx: Statements, category: number | null, supplier: number | null): Promise<void> {
  if (category === null && supplier === null) {
    throw invalid("category_id", "selection_required", "give a category_id or a supplier_id");
  }
  for (const [one, table, id] of [["category", "categories", category], ["supplier", "suppliers", supplier]] as const) {
    if (id === null) continue;
    const { rowCount } = await tx.query(`SELECT FROM ${table} WHERE ${one}_id = $1`, [id]);
    if (rowCount === 0) throw invalid(`${one}_id`, `unknown_${one}`, `unknown ${one}`);
  }
}
