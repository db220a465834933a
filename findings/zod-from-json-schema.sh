#!/usr/bin/env bash
# zod 4.6.7 (npm): z.fromJSONSchema makes schemas that refuse values which the JSON Schema allows, without a word when it makes them
# (of other keywords, such as `if`, it says that it does not know them):
# - format uri-reference becomes that of an absolute URL, so /walks, ?page=2 and an empty reference are refused, all relative
#   references by RFC 3986, section 4.2, which JSON Schema Validation 2020-12, section 7.3.5, names;
# - a const or an enum of an object or a list is compared by identity, so an equal value is never the same (section 6.1.3 wants
#   it equal);
# - format date-time refuses a leap second and lower-case letters, both in RFC 3339, section 5.6.
# Ajv 8.20.0 with ajv-formats 3.0.1 accepts all of them.
#
# The script needs Node.js 20 or newer and npm, and installs the pinned packages in a temporary folder. It exits with a
# non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts zod@4.6.7 ajv@8.20.0 ajv-formats@3.0.1
cat >compare.mjs <<'JS'
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import * as z from "zod";

const ajv = new Ajv2020();
formats.default(ajv);
const text = (format) => ({ type: "string", format });
const values = [
  [text("uri-reference"), "http://river.example/walks", "/walks", "?page=2", ""],
  [{ const: { lang: "nl" } }, { lang: "nl" }],
  [{ enum: ["any", ["nl", "fr"]] }, "any", ["nl", "fr"]],
  [text("date-time"), "2016-12-31T23:59:59Z", "2016-12-31T23:59:60Z", "2031-05-01t09:00:00z"],
];
for (const [schema, ...list] of values) {
  const made = z.fromJSONSchema(schema);
  for (const value of list) {
    const said = made.safeParse(value).success ? "accepts" : "refuses";
    console.log(`${JSON.stringify(schema)}, ${JSON.stringify(value)}: zod ${said} it, valid by Ajv: ${ajv.validate(schema, value)}`);
  }
}
JS
node compare.mjs | tee out
diff out - <<'SEEN'
{"type":"string","format":"uri-reference"}, "http://river.example/walks": zod accepts it, valid by Ajv: true
{"type":"string","format":"uri-reference"}, "/walks": zod refuses it, valid by Ajv: true
{"type":"string","format":"uri-reference"}, "?page=2": zod refuses it, valid by Ajv: true
{"type":"string","format":"uri-reference"}, "": zod refuses it, valid by Ajv: true
{"const":{"lang":"nl"}}, {"lang":"nl"}: zod refuses it, valid by Ajv: true
{"enum":["any",["nl","fr"]]}, "any": zod accepts it, valid by Ajv: true
{"enum":["any",["nl","fr"]]}, ["nl","fr"]: zod refuses it, valid by Ajv: true
{"type":"string","format":"date-time"}, "2016-12-31T23:59:59Z": zod accepts it, valid by Ajv: true
{"type":"string","format":"date-time"}, "2016-12-31T23:59:60Z": zod refuses it, valid by Ajv: true
{"type":"string","format":"date-time"}, "2031-05-01t09:00:00z": zod refuses it, valid by Ajv: true
SEEN
