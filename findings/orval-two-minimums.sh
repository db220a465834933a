#!/usr/bin/env bash
# orval 8.38.0 (npm), client zod, of a schema that is a text or a number, type: ["string", "integer"]: the bounds of the number become
# those of the text too. With minLength 2 and minimum 5 the schema says min(5) for both, and refuses "all", a text of three
# characters, that JSON Schema allows: minimum applies to numbers only (JSON Schema Validation 2020-12, section 6.2.4, and
# minLength to strings only, 6.3.2). So it is with maximum and maxLength. The document has no fault, and nothing is said.
# As anyOf of two schemas, each with its bounds, it is right. Ajv 8.20.0 accepts the values.
#
# The script needs Node.js 20.19 or newer and npm, and installs the pinned packages in a temporary folder. It exits with a
# non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log 2>&1
npm install --ignore-scripts --no-audit --no-fund orval@8.38.0 zod@4.6.7 typescript@5.9.3 ajv@8.20.0 >>npm.log 2>&1
cat >openapi.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": {"title": "Seats", "version": "1"},
  "paths": {"/seats": {"get": {"operationId": "getSeats", "responses": {"200": {
    "description": "The seats.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Seats"}}}}}}}},
  "components": {"schemas": {"Seats": {
    "type": "object",
    "properties": {
      "list": {"type": ["string", "integer"], "minLength": 2, "minimum": 5, "maxLength": 40, "maximum": 20},
      "anyOf": {"anyOf": [
        {"type": "string", "minLength": 2, "maxLength": 40}, {"type": "integer", "minimum": 5, "maximum": 20}
      ]}
    }
  }}}
}
JSON
cat >orval.config.mjs <<'JS'
export default { seats: { input: "./openapi.json", output: { target: "./orval/seats.ts", client: "zod" } } };
JS
node node_modules/.bin/orval --config orval.config.mjs >generate.log 2>&1
cat >use.mjs <<'JS'
import { readFileSync, writeFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import typescript from "typescript";

const source = readFileSync("orval/seats.ts", "utf8");
writeFileSync("seats.mjs", typescript.transpile(source, { module: "esnext", target: "es2022" }));
const { GetSeatsResponse: schema } = await import("./seats.mjs");
const ajv = new Ajv2020({ strict: false });
const { Seats } = JSON.parse(readFileSync("openapi.json", "utf8")).components.schemas;
for (const name of ["list", "anyOf"]) {
  for (const seats of ["all", "the front rows of the large hall", 7]) {
    const value = { [name]: seats };
    const result = schema.safeParse(value);
    const said = result.success ? "accepts it" : `refuses it: ${result.error.issues[0].message}`;
    console.log(`${JSON.stringify(value)}: zod ${said}; valid by Ajv: ${ajv.validate(Seats, value)}`);
  }
}
JS
node use.mjs | tee out
diff out - <<'SEEN'
{"list":"all"}: zod refuses it: Too small: expected string to have >=5 characters; valid by Ajv: true
{"list":"the front rows of the large hall"}: zod refuses it: Too big: expected string to have <=20 characters; valid by Ajv: true
{"list":7}: zod accepts it; valid by Ajv: true
{"anyOf":"all"}: zod accepts it; valid by Ajv: true
{"anyOf":"the front rows of the large hall"}: zod accepts it; valid by Ajv: true
{"anyOf":7}: zod accepts it; valid by Ajv: true
SEEN
