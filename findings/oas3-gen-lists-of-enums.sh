#!/usr/bin/env bash
# oas3-gen 0.29.0 (crates.io) gives a query parameter that is a list in one value (`style: form, explode: false`) the
# attribute of serde_with that joins texts. Where the entries are an enumeration, the generated types do not compile
# (E0271, `String` is wanted). A list of plain strings compiles, and so does the enumeration with `explode: true`.
#
# The script needs Rust 1.89 or newer; it builds the generator, which takes some minutes. It exits with a non-zero status if
# the behaviour changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export CARGO_TARGET_DIR="$folder/target"
command -v oas3-gen >/dev/null && oas3-gen --version | grep -q ' 0\.29\.0' ||
  cargo install --quiet --debug --locked --root "$folder/tools" oas3-gen@0.29.0
export PATH="$folder/tools/bin:$PATH"

# Writes a document with one list of $1 (`Order` or a plain string) and generates its types.
generate() {
  local entry='{"$ref": "#/components/schemas/Order"}'
  [ "$1" = enumeration ] || entry='{"type": "string"}'
  mkdir -p "$1-$2/src"
  cat >"$1-$2/openapi.json" <<JSON
{
  "openapi": "3.1.0",
  "info": {"title": "A list", "version": "1"},
  "servers": [{"url": "http://example.org"}],
  "paths": {"/items": {"get": {
    "operationId": "listItems", "tags": ["items"],
    "parameters": [{"name": "sort", "in": "query", "style": "form", "explode": $2,
      "schema": {"type": "array", "items": $entry}}],
    "responses": {"204": {"description": "Nothing."}}
  }}},
  "components": {"schemas": {"Order": {"type": "string", "enum": ["name", "date"]}}}
}
JSON
  oas3-gen generate client-mod --input "$1-$2/openapi.json" --output "$1-$2/src/api" >/dev/null
  echo 'mod api; fn main() {}' >"$1-$2/src/main.rs"
  cat >"$1-$2/Cargo.toml" <<TOML
[package]
name = "list"
version = "0.1.0"
edition = "2024"
[dependencies]
anyhow = "=1.0.105"
http = "1"
indexmap = { version = "2", features = ["serde"] }
oas3-gen-support = "=0.29.0"
reqwest = { version = "0.13", default-features = false, features = ["json", "query", "stream"] }
serde = { version = "1", features = ["derive"] }
serde_html_form = "=0.4.1"
serde_json = "1"
serde_with = "3"
validator = { version = "0.20", features = ["derive"] }
TOML
}

for list in "enumeration false" "enumeration true" "string false"; do
  read -r entry explode <<<"$list"
  generate "$entry" "$explode"
  outcome=$(cargo check --quiet --manifest-path "$entry-$explode/Cargo.toml" 2>&1 | grep -oE '^error\[E[0-9]+\]' | sort -u || true)
  echo "$entry, explode $explode: ${outcome:-compiles}"
done | tee out
diff out - <<'SEEN'
enumeration, explode false: error[E0271]
enumeration, explode true: compiles
string, explode false: compiles
SEEN
