import { Provider } from '@nestjs/common';
import { Pool } from 'pg';

export const database: Provider = {
  provide: Pool,
  useFactory: () => new Pool({ connectionString: process.env.DATABASE_URL, max: 10, statement_timeout: 3000 }),
};
