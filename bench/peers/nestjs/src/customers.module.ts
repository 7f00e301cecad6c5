import { Controller, Injectable, Module } from '@nestjs/common';
import { MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { Pool } from 'pg';
import { Customer, CUSTOMERS_GET, GetCustomer } from './contracts.js';
import { database } from './database.js';

@Injectable()
class CustomersService {
  constructor(private readonly pool: Pool) {}

  async get(customerId: string): Promise<Customer> {
    const { rows } = await this.pool.query<Customer>({
      name: 'get-customer', // prepared once for each connection
      text: `SELECT customer_id, company_name, contact_name, contact_title, address, city, region, postal_code, country,
                    phone, fax, version, created_at, updated_at, archived_at
             FROM customers WHERE customer_id = $1 AND archived_at IS NULL`,
      values: [customerId],
    });
    if (rows.length === 0) {
      throw new RpcException({ status: 404, message: `there is no customer ${customerId}` });
    }
    return rows[0];
  }
}

@Controller()
class CustomersController {
  constructor(private readonly customers: CustomersService) {}

  @MessagePattern(CUSTOMERS_GET)
  get(@Payload() request: GetCustomer): Promise<Customer> {
    return this.customers.get(request.customer_id);
  }
}

@Module({ controllers: [CustomersController], providers: [database, CustomersService] })
export class CustomersModule {}
