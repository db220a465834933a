#!/usr/bin/env bash
# A list with a fixed head and further entries, prefixItems with items in OpenAPI 3.1, as a position of GeoJSON, which has longitude and
# latitude and may have a height (RFC 7946, section 3.1.1): prefixItems of two numbers, items a number, minItems 2, maxItems 3.
# By JSON Schema Core 2020-12, section 10.3.1.2, items counts for all entries after the head, of which there may be none.
# - @hey-api/openapi-ts 0.99.0 (npm) makes a tuple of the head and exactly one entry more, so its zod schema refuses each position
#   without a height, and its type has none;
# - openapi-typescript 7.13.0 makes the type of the head alone, so a position with a height is an error of the compiler;
# - orval 8.38.0 has both, in the zod schema and in the type.
# Ajv 8.20.0 accepts both values.
#
# The script needs Node.js 20.19 or newer and npm, and installs the pinned packages in a temporary folder. It exits with a
# non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log 2>&1
npm install --ignore-scripts --no-audit --no-fund openapi-typescript@7.13.0 @hey-api/openapi-ts@0.99.0 orval@8.38.0 zod@4.6.7 \
  typescript@5.9.3 ajv@8.20.0 >>npm.log 2>&1
cat >openapi.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": {"title": "Places", "version": "1"},
  "paths": {"/place": {"get": {"operationId": "getPlace", "responses": {"200": {
    "description": "A place.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Place"}}}}}}}},
  "components": {"schemas": {"Place": {
    "type": "object",
    "required": ["at"],
    "properties": {"at": {
      "type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}], "items": {"type": "number"}, "minItems": 2, "maxItems": 3
    }}
  }}}
}
JSON
cat >orval.config.mjs <<'JS'
const input = "./openapi.json";
export default {
  zod: { input, output: { target: "./orval/zod.ts", client: "zod" } },
  types: { input, output: { target: "./orval/types.ts", client: "fetch" } },
};
JS
node node_modules/.bin/openapi-typescript openapi.json -o typescript.ts >generate.log 2>&1
node node_modules/.bin/openapi-ts --input openapi.json --output hey --plugins @hey-api/typescript zod >>generate.log 2>&1
node node_modules/.bin/orval --config orval.config.mjs >>generate.log 2>&1
cat >use.mjs <<'JS'
import { readFileSync, writeFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import typescript from "typescript";

const load = async (path) => {
  writeFileSync(`${path}.mjs`, typescript.transpile(readFileSync(path, "utf8"), { module: "esnext", target: "es2022" }));
  return import(`./${path}.mjs`);
};
const ajv = new Ajv2020({ strict: false });
const { Place } = JSON.parse(readFileSync("openapi.json", "utf8")).components.schemas;
const schemas = { "hey-api": (await load("hey/zod.gen.ts")).zPlace, orval: (await load("orval/zod.ts")).GetPlaceResponse };
const types = { "openapi-typescript": "typescript.ts", "hey-api": "hey/types.gen.ts", orval: "orval/types.ts" };
for (const [name, path] of Object.entries(types)) {
  const type = readFileSync(path, "utf8").match(/\bat: (\[[^;]*\]);/)[1];
  console.log(`${name}, type: ${type.replace(/\s+/g, " ")}`);
}
for (const at of [[4.35, 50.8], [4.35, 50.8, 60]]) {
  const said = Object.entries(schemas).map(([name, schema]) => `${name} ${schema.safeParse({ at }).success}`);
  console.log(`${JSON.stringify(at)}: ${said.join(", ")}, Ajv ${ajv.validate(Place, { at })}`);
}
JS
node use.mjs | tee out
diff out - <<'SEEN'
openapi-typescript, type: [ number, number ]
hey-api, type: [ number, number, number ]
orval, type: [number, number, ...number[]]
[4.35,50.8]: hey-api false, orval true, Ajv true
[4.35,50.8,60]: hey-api true, orval true, Ajv true
SEEN
