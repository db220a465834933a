// The same first steps with a client that @hey-api/openapi-ts wrote: its method names are our operation ids.
import assert from "node:assert/strict";
import { client } from "./hey/client.gen.js";
import { createEvent, getEvent, listEvents, login, publishEvent, trashEvent } from "./hey/sdk.gen.js";

const [baseUrl = "", email = "", password = ""] = process.argv.slice(2);
client.setConfig({ baseUrl });

const tokens = await login({ body: { email, password } });
assert(tokens.data, JSON.stringify(tokens.error));
const auth = tokens.data.access_token;

const made = await createEvent({ auth, body: { title: "By another generator", starts_at: "2027-04-01" } });
assert(made.data, JSON.stringify(made.error));
const path = { id_or_slug: made.data.slug };

const published = await publishEvent({ auth, path, headers: { "If-Match": made.response?.headers.get("etag") ?? "" } });
assert.equal(published.data?.status, "published");

const seen = await getEvent({ path, query: { locale: "en" } });
assert.equal(seen.data?.starts_on, "2027-04-01");

const page = await listEvents({ query: { sort: ["-starts_at"], limit: 5, slug: [made.data.slug] } });
assert.equal(page.data?.data.length, 1);

const gone = await trashEvent({ auth, path, headers: { "If-Match": seen.response?.headers.get("etag") ?? "" } });
assert.equal(gone.response?.status, 204);
const missing = await getEvent({ path });
assert.equal(missing.error?.status, 404);
console.log("hey-api: done");
