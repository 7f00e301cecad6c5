/** Writes the log: one JSON object a line. */

type Fields = Readonly<Record<string, unknown>>;

function write(level: string, event: string, fields: Fields): void {
  process.stdout.write(`${JSON.stringify({ process: "products", event, ...fields, level, timestamp: new Date().toISOString() })}\n`);
}

export const log = {
  info: (event: string, fields: Fields = {}) => write("info", event, fields),
  warning: (event: string, fields: Fields = {}) => write("warning", event, fields),
  error: (event: string, fields: Fields = {}) => write("error", event, fields),
};

export function text(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
