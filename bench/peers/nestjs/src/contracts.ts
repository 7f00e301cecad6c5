// What crosses NATS, and its checks: the gateway and the workers each validate what they receive.
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';

// Each peer has subjects of its own, so that no worker answers for another's.
export const CUSTOMERS_GET = `customers.${process.env.SUBJECTS}.get`;
export const PRODUCTS_GET = `products.${process.env.SUBJECTS}.get`;
export const PRODUCTS_LIST = `products.${process.env.SUBJECTS}.list`;

export class GetCustomer {
  @Matches(/^[A-Z]{5}$/)
  customer_id: string;
}

export class GetProduct {
  @Type(() => Number)
  @IsInt()
  @Min(1)
  product_id: number;
}

export class ListProducts {
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  category_id?: number;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(200)
  limit = 50;

  @IsOptional()
  @IsString()
  @MaxLength(1024)
  cursor?: string;
}

export interface Customer {
  customer_id: string;
  company_name: string;
  contact_name: string | null;
  contact_title: string | null;
  address: string | null;
  city: string | null;
  region: string | null;
  postal_code: string | null;
  country: string | null;
  phone: string | null;
  fax: string | null;
  version: number;
  created_at: string;
  updated_at: string;
  archived_at: string | null;
}

export interface Product {
  product_id: number;
  product_name: string;
  supplier_id: number | null;
  category_id: number | null;
  quantity_per_unit: string | null;
  unit_price: string;
  units_in_stock: number;
  units_on_order: number;
  reorder_level: number;
  discontinued: boolean;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface ProductPage {
  items: Product[];
  next_cursor: string | null;
}
