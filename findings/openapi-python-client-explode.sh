#!/usr/bin/env bash
# openapi-python-client 0.29.1 knows neither `style` nor `explode` of a query parameter: a list with `explode: false`, which
# is one parameter with commas (`sort=a,b`), is sent as a repeated one (`sort=a&sort=b`), and nothing is said about it.
#
# The script needs Python 3.11 or newer. It exits with a non-zero status if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1 httpx==0.28.1
cat >openapi.json <<'JSON'
{
  "openapi": "3.1.0",
  "info": {"title": "A list", "version": "1"},
  "paths": {"/items": {"get": {
    "operationId": "listItems", "tags": ["items"],
    "parameters": [{"name": "sort", "in": "query", "style": "form", "explode": false,
      "schema": {"type": "array", "items": {"type": "string"}}}],
    "responses": {"204": {"description": "Nothing."}}
  }}}
}
JSON
python/bin/openapi-python-client generate --path openapi.json --meta none --output-path client >generate.log 2>&1
if grep -i explode generate.log; then exit 1; fi
cat >use.py <<'SCRIPT'
import httpx
from client import Client
from client.api.items import list_items

sent = []
answer = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(204))
list_items.sync_detailed(client=Client("http://example.org", httpx_args={"transport": answer}), sort=["a", "b"])
print(sent[0].url)
SCRIPT
python/bin/python use.py | tee out
diff out - <<'SEEN'
http://example.org/items?sort=a&sort=b
SEEN
