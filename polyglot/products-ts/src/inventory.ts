/** The inventory in PostgreSQL: its value, statistics of each category, and what to reorder. */

import type * as shapes from "./contracts/contracts.js";
import type { Statements } from "./database.js";
import { isId, Select } from "./pages.js";
import { scopeOf } from "./wire/cursors.js";

// `pg` reads bigint as text, and double precision as a number, which is exact up to 2^53.
const NUMBERS = `count(product_id)::integer AS products,
  (count(product_id) FILTER (WHERE discontinued))::integer AS discontinued,
  (count(product_id) FILTER (WHERE NOT discontinued AND units_in_stock <= reorder_level))::integer AS low_stock,
  coalesce(sum(units_in_stock), 0)::double precision AS units_in_stock,
  coalesce(sum(unit_price * units_in_stock), 0.00) AS inventory_value`;
const STATISTICS = `(
  SELECT category_id, category_name, ${NUMBERS},
    min(unit_price) AS lowest_price, round(avg(unit_price), 2) AS average_price, max(unit_price) AS highest_price
  FROM categories LEFT JOIN products USING (category_id) GROUP BY category_id
) AS statistics`;
const AHEAD = "(units_in_stock::bigint - units_reserved + units_on_order)"; // a sum of integers may be longer
const REORDER = `product_id, product_name, supplier_id, units_in_stock, units_reserved, units_on_order, reorder_level,
  (2::bigint * reorder_level - ${AHEAD})::double precision AS quantity`;

export async function get(_: shapes.GetInventory, db: Statements): Promise<shapes.Inventory> {
  const { rows } = await db.query<shapes.Inventory>(`SELECT ${NUMBERS} FROM products`);
  if (rows[0] === undefined) throw new Error("the statement returned no row");
  return rows[0];
}

export async function statistics(
  request: shapes.ListCategoryStatistics,
  db: Statements,
): Promise<shapes.CategoryStatisticsPage> {
  const scope = scopeOf("products.categories.statistics", request);
  const page = await new Select("*", STATISTICS).page(db, [["category_id", isId]], scope, request);
  return { items: page.rows as unknown as shapes.CategoryStatistics[], next_cursor: page.next };
}

export async function reorders(request: shapes.ListReorders, db: Statements): Promise<shapes.ReorderPage> {
  const select = new Select(REORDER, "products")
    .only(`NOT discontinued AND reorder_level > 0 AND ${AHEAD} <= reorder_level`)
    .where("supplier_id = ?", request.supplier_id);
  const page = await select.page(db, [["product_id", isId]], scopeOf("products.reorder.list", request), request);
  return { items: page.rows as unknown as shapes.Reorder[], next_cursor: page.next };
}
