#!/usr/bin/env bash
# @hey-api/openapi-ts 0.99.0 (npm) with its transformers makes BigInt of integers of the format int64 and Date of date-time, in
# the types and in the answers. In three cases an answer is not what its type says, without an error:
# - an int64 that is optional or may be null stays a number if it is 0, since the code asks whether the value is truthy, and
#   adding a bigint to it is a TypeError. Required, it is 0n;
# - an int64 from 2^53 on, the reason for a BigInt, has lost its last digits when JSON.parse is done: 9007199254740993 becomes
#   9007199254740992n;
# - a date-time or a word (oneOf of a date-time and an enum) has the type Date | "open", and stays a text. A date-time or null
#   becomes a Date.
#
# The script needs Node.js 20.19 or newer and npm, and runs the generated client before an answer of its own. It exits with a
# non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log 2>&1
npm install --ignore-scripts --no-audit --no-fund @hey-api/openapi-ts@0.99.0 typescript@5.9.3 >>npm.log 2>&1
cat >openapi.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": {"title": "Seats", "version": "1"},
  "servers": [{"url": "http://river.example"}],
  "paths": {"/seats": {"get": {"operationId": "getSeats", "responses": {"200": {
    "description": "The seats.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Seats"}}}}}}}},
  "components": {"schemas": {"Seats": {
    "type": "object",
    "required": ["taken", "left", "visits", "until", "closed"],
    "properties": {
      "taken": {"type": "integer", "format": "int64"},
      "left": {"type": ["integer", "null"], "format": "int64"},
      "visits": {"type": "integer", "format": "int64"},
      "until": {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "string", "enum": ["open"]}]},
      "closed": {"type": ["string", "null"], "format": "date-time"}
    }
  }}}
}
JSON
node node_modules/.bin/openapi-ts --input openapi.json --output client \
  --plugins @hey-api/typescript @hey-api/sdk @hey-api/client-fetch @hey-api/transformers >generate.log 2>&1
cat >use.mjs <<'JS'
import { readFileSync, writeFileSync } from "node:fs";
import typescript from "typescript";

writeFileSync(
  "transformers.mjs",
  typescript.transpile(readFileSync("client/transformers.gen.ts", "utf8"), { module: "esnext", target: "es2022" }),
);
const { getSeatsResponseTransformer: transform } = await import("./transformers.mjs");
const types = readFileSync("client/types.gen.ts", "utf8");
const answer = `{"taken": 0, "left": 0, "visits": 9007199254740993, "until": "2031-05-01T09:00:00Z", "closed": "2031-05-02T09:00:00Z"}`;
const kind = (value) => (value instanceof Date ? "Date" : typeof value);
for (const [name, value] of Object.entries(await transform(JSON.parse(answer)))) {
  const type = types.match(new RegExp(`\\b${name}: (.*);`))[1];
  console.log(`${name}: type ${type}, is a ${kind(value)}: ${value instanceof Date ? value.toISOString() : value}`);
}
JS
node use.mjs | tee out
diff out - <<'SEEN'
taken: type bigint, is a bigint: 0
left: type bigint | null, is a number: 0
visits: type bigint, is a bigint: 9007199254740992
until: type Date | 'open', is a string: 2031-05-01T09:00:00Z
closed: type Date | null, is a Date: 2031-05-02T09:00:00.000Z
SEEN
