#!/usr/bin/env bash
# In OpenAPI 3.1 a schema may have other keywords beside $ref, and both count (JSON Schema Core 2020-12, section 8.2.3.1; only
# 3.0 ignored them). Three generators for TypeScript leave out all that stands beside $ref, without a word. Of a schema that adds
# a property so, {"$ref": Talk, "properties": {"room": ...}, "required": ["room"]}, openapi-typescript 7.13.0, @hey-api/openapi-ts
# 0.99.0 and orval 8.38.0 make the type of Talk, which has no room, and the zod schemas of the latter two drop the room of a
# value that they parse. Ajv 8.20.0 counts both. With allOf, of the $ref and of the rest, all of them have both.
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
  "info": {"title": "Talks in rooms", "version": "1"},
  "paths": {
    "/beside": {"get": {"operationId": "getBeside", "responses": {"200": {
      "description": "A talk.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Beside"}}}}}}},
    "/within": {"get": {"operationId": "getWithin", "responses": {"200": {
      "description": "A talk.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Within"}}}}}}}
  },
  "components": {"schemas": {
    "Talk": {"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}},
    "Beside": {"$ref": "#/components/schemas/Talk", "properties": {"room": {"type": "string"}}, "required": ["room"]},
    "Within": {"allOf": [
      {"$ref": "#/components/schemas/Talk"},
      {"type": "object", "properties": {"room": {"type": "string"}}, "required": ["room"]}
    ]}
  }}
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
const [hey, orval] = [await load("hey/zod.gen.ts"), await load("orval/zod.ts")];
const ajv = new Ajv2020({ strict: false });
ajv.addSchema(JSON.parse(readFileSync("openapi.json", "utf8")), "api");
// Whether values need a title, and a room, by the type $name that the file begins with.
const type = (path, name) => {
  const source = `${readFileSync(path, "utf8")}
    ${path === "typescript.ts" ? `type ${name} = components["schemas"]["${name}"];` : ""}
    type Has<K> = K extends keyof ${name} ? "yes" : "no"; export const title: Has<"title"> = 0; export const room: Has<"room"> = 0;`;
  const host = typescript.createCompilerHost({});
  const read = host.getSourceFile;
  host.getSourceFile = (file, ...rest) => (file === "probe.ts" ? typescript.createSourceFile(file, source, 99) : read(file, ...rest));
  const program = typescript.createProgram(["probe.ts"], { noEmit: true, target: 9, types: [] }, host);
  const said = program.getSemanticDiagnostics(program.getSourceFile("probe.ts")).map(({ messageText }) => `${messageText}`);
  const [title, room] = said.filter((text) => /"(yes|no)"/.test(text)).map((text) => text.match(/"(yes|no)"/)[1]);
  return `title ${title}, room ${room}`;
};
const value = { title: "Water", room: "A" };
for (const name of ["Beside", "Within"]) {
  console.log(name);
  console.log(`  openapi-typescript, type: ${type("typescript.ts", name)}`);
  console.log(`  hey-api, type: ${type("hey/types.gen.ts", name)}; parsed: ${JSON.stringify(hey[`z${name}`].parse(value))}`);
  console.log(`  orval, type: ${type("orval/types.ts", name)}; parsed: ${JSON.stringify(orval[`Get${name}Response`].parse(value))}`);
  const lacks = [{ room: "A" }, { title: "Water" }, value].map((one) => ajv.validate(`api#/components/schemas/${name}`, one));
  console.log(`  Ajv, without title ${lacks[0]}, without room ${lacks[1]}, with both ${lacks[2]}`);
}
JS
node use.mjs | tee out
diff out - <<'SEEN'
Beside
  openapi-typescript, type: title yes, room no
  hey-api, type: title yes, room no; parsed: {"title":"Water"}
  orval, type: title yes, room no; parsed: {"title":"Water"}
  Ajv, without title false, without room false, with both true
Within
  openapi-typescript, type: title yes, room yes
  hey-api, type: title yes, room yes; parsed: {"title":"Water","room":"A"}
  orval, type: title yes, room yes; parsed: {"title":"Water","room":"A"}
  Ajv, without title false, without room false, with both true
SEEN
