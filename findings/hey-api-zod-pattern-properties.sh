#!/usr/bin/env bash
# @hey-api/openapi-ts 0.95.0 (npm) makes, of `patternProperties` in an OpenAPI 3.1 document, types that have these properties
# and zod schemas that do not. An object with texts by language, `patternProperties` with `additionalProperties: false`,
# becomes z.record(z.string(), z.never()), which refuses every object but the empty one. Where the object has one property
# with a name too, the schema accepts the object, and the texts are missing in what `parse` returns. The types that stand
# beside them have the texts in both cases, and Ajv 8.20.0 accepts both objects.
#
# The script needs Node.js 20.19 or newer and npm, and installs the pinned packages in a temporary folder. It exits with a
# non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log 2>&1
npm install --ignore-scripts --no-audit --no-fund @hey-api/openapi-ts@0.95.0 zod@4.1.12 typescript@5.9.3 ajv@8.20.0 >>npm.log 2>&1
cat >openapi.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": {"title": "Texts by language", "version": "1"},
  "paths": {"/titles": {"get": {"operationId": "listTitles", "responses": {"200": {
    "description": "The titles.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Titles"}}}
  }}}}},
  "components": {"schemas": {
    "Texts": {
      "type": "object", "patternProperties": {"^[a-z]{2}$": {"type": "string"}}, "additionalProperties": false
    },
    "Titles": {
      "type": "object", "properties": {"number": {"type": "integer"}},
      "patternProperties": {"^[a-z]{2}$": {"type": "string"}}, "additionalProperties": false
    }
  }}
}
JSON
node node_modules/.bin/openapi-ts --input openapi.json --output client --plugins @hey-api/typescript zod >generate.log 2>&1
cat >use.mjs <<'JS'
import { readFileSync, writeFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import typescript from "typescript";

const source = readFileSync("client/zod.gen.ts", "utf8");
writeFileSync("schemas.mjs", typescript.transpile(source, { module: "esnext", target: "es2022" }));
const schemas = await import("./schemas.mjs");
const types = readFileSync("client/types.gen.ts", "utf8");
const document = JSON.parse(readFileSync("openapi.json", "utf8"));
const values = { Texts: { nl: "Water", fr: "Eau" }, Titles: { number: 1, nl: "Water", fr: "Eau" } };
for (const [name, value] of Object.entries(values)) {
  const type = types.match(new RegExp(`export type ${name} = (\\{[^}]*\\})`))[1].replace(/\s+/g, " ");
  const result = schemas[`z${name}`].safeParse(value);
  console.log(`${name}, ${JSON.stringify(value)}`);
  console.log(`  the type: ${type}`);
  console.log(`  zod: ${result.success ? JSON.stringify(result.data) : result.error.issues.map((issue) => issue.code)}`);
  console.log(`  Ajv accepts it: ${new Ajv2020().validate(document.components.schemas[name], value)}`);
}
JS
node use.mjs | tee out
diff out - <<'SEEN'
Texts, {"nl":"Water","fr":"Eau"}
  the type: { [key: string]: string; }
  zod: invalid_type,invalid_type
  Ajv accepts it: true
Titles, {"number":1,"nl":"Water","fr":"Eau"}
  the type: { number?: number; [key: string]: string | number | undefined; }
  zod: {"number":1}
  Ajv accepts it: true
SEEN
