// Prints the rows of tables as icebird reads them: one JSON object a line, keys sorted, an empty line between tables.
//   node read_icebird.mjs TABLE_FOLDER [vN.metadata.json] [TABLE_FOLDER...]
// Its packages are looked for in ENGINES_FOLDER (tests/engines/setup.sh: BUILD_FOLDER/engines), else beside this script.
// Normalised as read_pyiceberg.py does: whole numbers as text, dates ISO, timestamps ISO UTC with microseconds, times with
// microseconds, bytes base64, missing values null. icebird itself keeps milliseconds of timestamps only.
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const engines = process.env.ENGINES_FOLDER ?? path.dirname(new URL(import.meta.url).pathname)
const packageUrl = (name) => {
  const folder = path.join(path.resolve(engines), 'node_modules', name)
  const described = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
  const entry = described.exports?.['.']?.import ?? described.exports?.import ?? described.exports?.['.'] ?? described.main
  return pathToFileURL(path.join(folder, typeof entry === 'string' ? entry : described.main)).href
}
const { icebergRead, icebergMetadata } = await import(packageUrl('icebird'))

// icebird fetches URLs; here they are paths of this machine.
globalThis.fetch = async (url, init = {}) => {
  const file = decodeURIComponent(String(url).replace(/^file:\/*/, '/'))
  if (!fs.existsSync(file)) return new Response('', { status: 404 })
  const bytes = fs.readFileSync(file)
  if (init.method === 'HEAD') return new Response(null, { headers: { 'content-length': String(bytes.length) } })
  const range = /^bytes=(\d+)-(\d*)$/.exec(new Headers(init.headers).get('range') ?? '')
  if (!range) return new Response(bytes, { headers: { 'content-length': String(bytes.length) } })
  const to = range[2] === '' ? bytes.length : Number(range[2]) + 1
  return new Response(bytes.subarray(Number(range[1]), to), { status: 206 })
}

const pad = (number, width) => String(number).padStart(width, '0')
const micros = (date, extra = 0) => date.toISOString().replace(/\.(\d+)Z$/, (_, ms) => `.${ms}${pad(extra, 3)}Z`)

function timeOfDay(value) {
  const all = BigInt(value)
  const seconds = all / 1000000n
  return `${pad(seconds / 3600n, 2)}:${pad((seconds / 60n) % 60n, 2)}:${pad(seconds % 60n, 2)}.${pad(all % 1000000n, 6)}`
}

// One value by its Iceberg type.
function normalise(value, type) {
  if (value === null || value === undefined) return null
  if (typeof type === 'object') {
    if (type.type === 'list') return [...value].map((item) => normalise(item, type.element))
    if (type.type === 'struct') return normaliseStruct(value, type.fields)
    throw new Error(`unexpected type ${type.type}`)
  }
  switch (type) {
    case 'int':
    case 'long':
      return String(value)
    case 'date':
      return (value instanceof Date ? value : new Date(Number(value) * 86400000)).toISOString().slice(0, 10)
    case 'time':
      return timeOfDay(value)
    case 'timestamp':
    case 'timestamptz':
      if (value instanceof Date) return micros(value)
      return micros(new Date(Number(BigInt(value) / 1000n)), Number(BigInt(value) % 1000n))
    case 'binary':
      // hyparquet takes bytes for UTF-8 text: those that are none are lost before they come here.
      return Buffer.from(value).toString('base64')
    case 'float':
    case 'double':
      return Number.isFinite(value) ? value : String(value)
    default:
      return value
  }
}

function normaliseStruct(row, fields) {
  const result = {}
  const sorted = [...fields].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, type } of sorted) result[name] = normalise(row[name], type)
  return result
}

async function printRows(folder, metadataFileName) {
  const tableUrl = path.resolve(folder)
  const metadata = await icebergMetadata({ tableUrl, metadataFileName })
  const schema = metadata.schemas.find((one) => one['schema-id'] === metadata['current-schema-id'])
  const rows = await icebergRead({ tableUrl, metadata })
  for (const row of rows) console.log(JSON.stringify(normaliseStruct(row, schema.fields)))
}

const words = process.argv.slice(2)
const isName = (word) => word?.endsWith('.metadata.json')
for (const [at, word] of words.entries()) {
  if (isName(word)) continue
  if (at > 0) console.log()
  await printRows(word, isName(words[at + 1]) ? words[at + 1] : undefined)
}
