import { Controller, Get, Header, Module, Param, Query, Req, Res, UseGuards } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import {
  Customer,
  CUSTOMERS_GET,
  GetCustomer,
  GetProduct,
  ListProducts,
  Product,
  ProductPage,
  PRODUCTS_GET,
  PRODUCTS_LIST,
} from './contracts.js';
import { JwtGuard } from './jwt.guard.js';
import { MeshClient, NATS } from './mesh.client.js';
import { nats } from './nats.js';

// What HTTP shows of a customer: all but when it was archived.
function shown({ archived_at, ...customer }: Customer): Omit<Customer, 'archived_at'> {
  return customer;
}

@Controller('v1/customers')
@UseGuards(JwtGuard)
class CustomersController {
  constructor(private readonly mesh: MeshClient) {}

  @Get(':customer_id')
  async get(@Param() request: GetCustomer, @Req() http: { id: string }, @Res({ passthrough: true }) response: Response) {
    const customer = await this.mesh.call<Customer>(CUSTOMERS_GET, request, http.id);
    response.header('ETag', `"${customer.version}"`);
    return shown(customer);
  }
}

interface Response {
  header(name: string, value: string): unknown; // Express and Fastify both have it
}

@Controller('v1/products')
class ProductsController {
  constructor(private readonly mesh: MeshClient) {}

  @Get()
  async list(@Query() request: ListProducts, @Req() http: { id: string }): Promise<ProductPage> {
    return this.mesh.call<ProductPage>(PRODUCTS_LIST, request, http.id);
  }

  @Get(':product_id')
  async get(@Param() request: GetProduct, @Req() http: { id: string }, @Res({ passthrough: true }) response: Response) {
    const product = await this.mesh.call<Product>(PRODUCTS_GET, request, http.id);
    response.header('ETag', `"${product.version}"`);
    return product;
  }
}

@Controller('healthz')
class HealthController {
  @Get()
  @Header('Cache-Control', 'no-store')
  live() {
    return { status: 'ok' };
  }
}

@Module({
  imports: [ClientsModule.register([{ name: NATS, ...nats() }])],
  controllers: [CustomersController, ProductsController, HealthController],
  providers: [MeshClient, JwtGuard],
})
export class GatewayModule {}
