// Prints what AsyncAPI's own parser finds in the document of standard input, and how many operations it has.
import { Parser } from '@asyncapi/parser'
import { text } from 'node:stream/consumers'

const { document, diagnostics } = await new Parser().parse(await text(process.stdin))
const found = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join('.') }))
console.log(JSON.stringify({ diagnostics: found, operations: document?.operations().length ?? 0 }))
