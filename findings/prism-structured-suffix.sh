#!/usr/bin/env bash
# Prism 5.16.0 ignores what stands before the `+` of a media type: `application/vnd.example.full+json` counts as
# `application/json`. Where an operation has both, it holds the body of the one to the schema of the other, whichever comes
# first in the document, and reports violations of a response that is right. (CONTENT_TYPE_REGEXP in
# wildcardMediaTypeMatch.js splits off the suffix, and the comparison leaves the rest out.)
#
# The script needs Node.js and npm, and runs Prism's proxy before a server of its own. It exits with a non-zero status if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(cat "$folder"/*.pid 2>/dev/null) 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log 2>&1
npm install --ignore-scripts --no-audit --no-fund @stoplight/prism-cli@5.16.0 >>npm.log 2>&1
cat >openapi.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": {"title": "Two forms of one item", "version": "1"},
  "paths": {"/item": {"get": {"responses": {"200": {"description": "The item.", "content": {
    "application/json": {"schema": {"type": "object", "required": ["short"]}},
    "application/vnd.example.full+json": {"schema": {"type": "object", "required": ["long"]}}
  }}}}}}
}
JSON
cat >server.mjs <<'SCRIPT'
import { createServer } from "node:http";
const types = { "/item": "application/vnd.example.full+json" };
createServer((request, response) => {
  response.setHeader("content-type", types[request.url] ?? "text/plain");
  response.end('{"long": "as its schema wants it"}');
}).listen(14015, "127.0.0.1");
SCRIPT
node server.mjs & echo $! >server.pid
node node_modules/.bin/prism proxy openapi.json http://127.0.0.1:14015 --port 14016 --host 127.0.0.1 >prism.log 2>&1 &
echo $! >prism.pid
for _ in $(seq 120); do grep -q 'is listening' prism.log && break; sleep 0.5; done
curl -si http://127.0.0.1:14016/item | tr -d '\r' | grep -iE '^(content-type|sl-violations):' | tr 'A-Z' 'a-z' | sort | tee out
diff out - <<'SEEN'
content-type: application/vnd.example.full+json
sl-violations: [{"location":["response","body"],"severity":"error","code":"required","message":"response body must have required property 'short'"}]
SEEN
