#!/usr/bin/env bash
# The format `time` of OpenAPI and JSON Schema is the full-time of RFC 3339, which has an offset: 09:30:00Z or 09:30:00+02:00
# (JSON Schema Validation 2020-12, section 7.3.1; RFC 3339, section 5.6). @hey-api/openapi-ts 0.99.0 and orval 8.38.0 (npm) make
# z.iso.time() of it, which is ISO 8601's local time (zod 4.6.7), and so their schemas refuse every value that the format allows.
# zod's own z.fromJSONSchema and Ajv 8.20.0 with ajv-formats 3.0.1 accept both forms with an offset. A local time of day needs a pattern instead of the format.
#
# The script needs Node.js 20.19 or newer and npm, and installs the pinned packages in a temporary folder. It exits with a
# non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log 2>&1
npm install --ignore-scripts --no-audit --no-fund @hey-api/openapi-ts@0.99.0 orval@8.38.0 zod@4.6.7 typescript@5.9.3 ajv@8.20.0 \
  ajv-formats@3.0.1 >>npm.log 2>&1
cat >openapi.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": {"title": "Doors", "version": "1"},
  "paths": {"/doors": {"get": {"operationId": "getDoors", "responses": {"200": {
    "description": "When doors open.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Doors"}}}}}}}},
  "components": {"schemas": {"Doors": {"type": "object", "properties": {"open": {"type": "string", "format": "time"}}}}}
}
JSON
cat >orval.config.mjs <<'JS'
export default { doors: { input: "./openapi.json", output: { target: "./orval/doors.ts", client: "zod" } } };
JS
node node_modules/.bin/openapi-ts --input openapi.json --output hey --plugins @hey-api/typescript zod >generate.log 2>&1
node node_modules/.bin/orval --config orval.config.mjs >>generate.log 2>&1
cat >use.mjs <<'JS'
import { readFileSync, writeFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import typescript from "typescript";
import * as z from "zod";

const load = async (path) => {
  writeFileSync(`${path}.mjs`, typescript.transpile(readFileSync(path, "utf8"), { module: "esnext", target: "es2022" }));
  return import(`./${path}.mjs`);
};
const { Doors } = JSON.parse(readFileSync("openapi.json", "utf8")).components.schemas;
const ajv = new Ajv2020();
formats.default(ajv);
const schemas = {
  "hey-api": (await load("hey/zod.gen.ts")).zDoors,
  orval: (await load("orval/doors.ts")).GetDoorsResponse,
  "z.fromJSONSchema": z.fromJSONSchema(Doors),
};
for (const open of ["09:30:00Z", "09:30:00+02:00"]) {
  const said = Object.entries(schemas).map(([name, schema]) => `${name} ${schema.safeParse({ open }).success}`);
  console.log(`${open}: valid by Ajv ${ajv.validate(Doors, { open })}, ${said.join(", ")}`);
}
JS
node use.mjs | tee out
diff out - <<'SEEN'
09:30:00Z: valid by Ajv true, hey-api false, orval false, z.fromJSONSchema true
09:30:00+02:00: valid by Ajv true, hey-api false, orval false, z.fromJSONSchema true
SEEN
