// An editor's and a reader's first steps with a client that @hey-api/openapi-ts wrote: its method names are our operation ids.
import assert from "node:assert/strict";
import { client } from "./hey/client.gen.js";
import { createEvent, getEvent, listEvents, login, publishEvent, trashEvent, updateEvent } from "./hey/sdk.gen.js";

const [baseUrl = "", email = "", password = ""] = process.argv.slice(2);
client.setConfig({ baseUrl, querySerializer: { array: { explode: false, style: "form" } } });

const tokens = await login({ body: { email, password } });
assert(tokens.data, JSON.stringify(tokens.error));
const auth = tokens.data.access_token;

const body = { title: "By another generator", starts_at: "2027-04-01T09:30", time_zone: "Europe/Brussels" };
const made = await createEvent({ auth, body });
assert(made.data, JSON.stringify(made.error));
assert.equal(made.data.starts_at, "2027-04-01T09:30:00+02:00");
const path = { id_or_slug: made.data.slug };

// It knows the first media type only, so the second language is a second request.
const translated = await updateEvent({
  auth, path, query: { locale: "nl" }, body: { title: "Met een andere generator" },
  headers: { "If-Match": made.response?.headers.get("etag") ?? "" },
});
assert(translated.data, JSON.stringify(translated.error));

const published = await publishEvent({ auth, path, headers: { "If-Match": translated.response?.headers.get("etag") ?? "" } });
assert.equal(published.data?.status, "published");

const seen = await getEvent({ path, query: { locale: "en" } });
assert.equal(seen.data?.title, "By another generator");
const dutch = await getEvent({ path, query: { locale: "nl" } });
assert.equal(dutch.data?.title, "Met een andere generator");

const query = { sort: ["-starts_at" as const, "title" as const], limit: 1 };
const page = await listEvents({ auth, query });
assert.equal(page.data?.data.length, 1);
assert(page.data.page.next);
const next = await listEvents({ auth, query: { ...query, cursor: page.data.page.next } });
assert.notEqual(next.data?.data[0]?.id, page.data.data[0]?.id);

const wrong = await createEvent({ auth, body: { title: "", starts_at: "tomorrow" } });
assert.deepEqual(wrong.error?.errors?.map((fault) => fault.pointer), ["/title", "/starts_at"]);

const gone = await trashEvent({ auth, path, headers: { "If-Match": seen.response?.headers.get("etag") ?? "" } });
assert.equal(gone.response?.status, 204);
const missing = await getEvent({ path });
assert.equal(missing.error?.status, 404);
console.log("hey-api: done; texts: one language a request; offsets: kept");
