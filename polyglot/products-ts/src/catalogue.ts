/** Products in PostgreSQL. Each rule is enforced in a single statement. */

import type { Call } from "./call.js";
import type * as shapes from "./contracts/contracts.js";
import { brokenReference, type Statements } from "./database.js";
import { nameCaller } from "./prices.js";
import { isAmount, isCount, isId, isName, orderOf, Select, timestamp, type Fields } from "./pages.js";
import { notFound, otherVersion, outOfRange } from "./refusals.js";
import { announce, keepEdit, lock } from "./stock.js";
import { scopeOf } from "./wire/cursors.js";
import { invalid } from "./wire/faults.js";
import { fold, likePattern } from "./wire/folding.js";

type Values = Readonly<Record<string, unknown>>;

const COLUMNS = `product_id, product_name, supplier_id, category_id, quantity_per_unit, unit_price, units_in_stock,
  units_on_order, reorder_level, discontinued, version, ${timestamp("created_at")}, ${timestamp("updated_at")}`;
const FIELDS: Fields = {
  product_id: ["product_id", isId],
  product_name: ["product_name_order", isName],
  unit_price: ["unit_price", isAmount],
  units_in_stock: ["units_in_stock", isCount],
};
const REFERENCES: Readonly<Record<string, readonly [field: string, reason: string]>> = {
  products_category_id_fkey: ["category_id", "unknown_category"],
  products_supplier_id_fkey: ["supplier_id", "unknown_supplier"],
};

export async function get({ product_id }: shapes.GetProduct, db: Statements): Promise<shapes.Product> {
  const text = `SELECT ${COLUMNS} FROM products WHERE product_id = $1`;
  const { rows } = await db.query<shapes.Product>({ name: "product", text, values: [product_id] });
  if (rows[0] === undefined) throw notFound(product_id);
  return rows[0];
}

export async function getMany({ product_ids }: shapes.GetProducts, db: Statements): Promise<shapes.ProductsFound> {
  const asked = [...new Set<number>(product_ids)];
  const { rows } = await db.query<shapes.Product>(`SELECT ${COLUMNS} FROM products WHERE product_id = ANY($1)`, [asked]);
  const found = new Map(rows.map((row) => [row.product_id, row]));
  return { items: asked.flatMap((id) => found.get(id) ?? []), missing: asked.filter((id) => !found.has(id)) };
}

export async function list(request: shapes.ListProducts, db: Statements): Promise<shapes.ProductPage> {
  const { sort = "product_id", discontinued, low_stock, q } = request;
  const select = new Select(`${COLUMNS}, product_name_order`, "products")
    .where("category_id = ?", request.category_id)
    .where("supplier_id = ?", request.supplier_id)
    .where("product_name_folded LIKE ?", typeof q === "string" ? likePattern(q) : q)
    .where("unit_price >= ?", request.min_price)
    .where("unit_price <= ?", request.max_price)
    .where("created_at >= ?", request.created_after)
    .where("created_at < ?", request.created_before)
    .where("updated_at >= ?", request.updated_after)
    .where("updated_at < ?", request.updated_before);
  if (typeof discontinued === "boolean") select.only(discontinued ? "discontinued" : "NOT discontinued");
  if (typeof low_stock === "boolean") select.only(`units_in_stock ${low_stock ? "<=" : ">"} reorder_level`);
  const total = request.count === true ? await select.total(db) : { total: null, total_estimated: false };
  const page = await select.page(db, orderOf(sort, "product_id", FIELDS), scopeOf("products.list", request, sort), request);
  const items = page.rows.map(({ product_name_order: _, ...product }) => product as unknown as shapes.Product);
  return { items, next_cursor: page.next, ...total };
}

export async function create(request: shapes.CreateProduct, tx: Statements, call: Call): Promise<shapes.Product> {
  await nameCaller(tx, call);
  const columns = withFold({ ...request });
  const names = Object.keys(columns);
  const places = names.map((_, index) => `$${index + 1}`);
  const text = `INSERT INTO products (${names.join(", ")}) VALUES (${places.join(", ")}) RETURNING ${COLUMNS}`;
  return changed(await known("", tx.query<shapes.Product>(text, Object.values(columns))), tx, call);
}

export async function update(request: shapes.UpdateProduct, tx: Statements, call: Call): Promise<shapes.Product> {
  const { product_id, patch } = request;
  if (patch.units_in_stock === undefined) return change(request, tx, call);
  const stock = (await lock(tx, [product_id])).get(product_id);
  if (stock === undefined) throw notFound(product_id);
  if (patch.units_in_stock < stock.units_reserved) throw outOfRange(product_id, stock.units_reserved);
  const product = await change(request, tx, call);
  const difference = product.units_in_stock - stock.units_in_stock;
  if (difference !== 0) await keepEdit(tx, product_id, difference, call.caller?.sub);
  return product;
}

async function change(request: shapes.UpdateProduct, tx: Statements, call: Call): Promise<shapes.Product> {
  if (request.patch.unit_price !== undefined) await nameCaller(tx, call);
  const columns = withFold({ ...request.patch });
  const assignments = Object.keys(columns).map((name, index) => `${name} = $${index + 3}`);
  const text = `UPDATE products SET ${assignments.join(", ")}, version = version + 1, updated_at = now()
    WHERE product_id = $1 AND version = $2 RETURNING ${COLUMNS}`;
  const values = [request.product_id, request.expected_version, ...Object.values(columns)];
  const product = await known("patch.", tx.query<shapes.Product>(text, values));
  if (product === undefined) {
    const { product_id, version } = await get(request, tx);
    throw otherVersion("product", product_id, version, request.expected_version);
  }
  return changed(product, tx, call);
}

export async function discontinue(request: shapes.DiscontinueProduct, tx: Statements, call: Call): Promise<shapes.Product> {
  return turn(request, true, tx, call);
}

export async function restore(request: shapes.RestoreProduct, tx: Statements, call: Call): Promise<shapes.Product> {
  return turn(request, false, tx, call);
}

type Turn = shapes.DiscontinueProduct | shapes.RestoreProduct;

/** The product, discontinued or not as asked for. One that is so already does not change. */
async function turn(request: Turn, discontinued: boolean, tx: Statements, call: Call): Promise<shapes.Product> {
  const { product_id, expected_version = null } = request;
  const text = `UPDATE products SET discontinued = $3, version = version + 1, updated_at = now()
    WHERE product_id = $1 AND discontinued <> $3 AND ($2::integer IS NULL OR version = $2) RETURNING ${COLUMNS}`;
  const { rows } = await tx.query<shapes.Product>(text, [product_id, expected_version, discontinued]);
  if (rows[0] !== undefined) return changed(rows[0], tx, call);
  const product = await get(request, tx);
  if (product.discontinued !== discontinued) throw otherVersion("product", product_id, product.version, expected_version);
  return product;
}

function withFold(columns: Values): Values {
  const name = columns["product_name"];
  return typeof name === "string" ? { ...columns, product_name_folded: fold(name) } : columns;
}

/** The product that was written, once its event is too. */
async function changed(product: shapes.Product | undefined, tx: Statements, call: Call): Promise<shapes.Product> {
  if (product === undefined) throw new Error("the statement returned no row");
  await announce(tx, call, product);
  return product;
}

/** The row, or the fault of a category or supplier that is not there. `path` leads to the field. */
async function known<Row>(path: string, query: Promise<{ rows: Row[] }>): Promise<Row | undefined> {
  try {
    return (await query).rows[0];
  } catch (error) {
    const [field, reason] = REFERENCES[brokenReference(error) ?? ""] ?? [];
    throw field === undefined || reason === undefined ? error : invalid(`${path}${field}`, reason, reason.replace("_", " "));
  }
}
