import { Controller, Injectable, Module } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { Pool } from 'pg';
import { GetProduct, ListProducts, Product, ProductPage, PRODUCTS_GET, PRODUCTS_LIST } from './contracts.js';
import { database } from './database.js';

@Injectable()
class ProductsService {
  constructor(private readonly pool: Pool) {}

  async get(productId: number): Promise<Product> {
    const { rows } = await this.pool.query<Product>({
      name: 'get-product', // prepared once for each connection
      text: `SELECT product_id, product_name, supplier_id, category_id, quantity_per_unit, unit_price, units_in_stock,
                    units_on_order, reorder_level, discontinued, version, created_at, updated_at
             FROM products WHERE product_id = $1`,
      values: [productId],
    });
    if (rows.length === 0) {
      throw new RpcException({ status: 404, message: `there is no product ${productId}` });
    }
    return rows[0];
  }

  async list({ category_id, limit, cursor }: ListProducts): Promise<ProductPage> {
    const after = cursor === undefined ? 0 : Number(Buffer.from(cursor, 'base64url').toString());
    const { rows } = await this.pool.query<Product>({
      name: category_id === undefined ? 'list-products' : 'list-products-of-category',
      text: `SELECT product_id, product_name, supplier_id, category_id, quantity_per_unit, unit_price, units_in_stock,
                    units_on_order, reorder_level, discontinued, version, created_at, updated_at
             FROM products WHERE product_id > $1 ${category_id === undefined ? '' : 'AND category_id = $3'}
             ORDER BY product_id LIMIT $2`,
      values: category_id === undefined ? [after, limit + 1] : [after, limit + 1, category_id],
    });
    if (rows.length <= limit) {
      return { items: rows, next_cursor: null };
    }
    const items = rows.slice(0, limit);
    return { items, next_cursor: Buffer.from(String(items[limit - 1].product_id)).toString('base64url') };
  }
}

@Controller()
class ProductsController {
  constructor(private readonly products: ProductsService) {}

  @MessagePattern(PRODUCTS_GET)
  get(@Payload() request: GetProduct): Promise<Product> {
    return this.products.get(request.product_id);
  }

  @MessagePattern(PRODUCTS_LIST)
  list(@Payload() request: ListProducts): Promise<ProductPage> {
    return this.products.list(request);
  }
}

@Module({ controllers: [ProductsController], providers: [database, ProductsService] })
export class ProductsModule {}
