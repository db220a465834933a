// An editor's and a reader's first steps with functions and schemas that orval wrote.
import assert from "node:assert/strict";
import { createEvent, getEvent, listEvents, login, publishEvent } from "./orval/api.js";
import { GetEventResponse } from "./orval/schemas.js";

const [, email = "", password = ""] = process.argv.slice(2);
const tokens = await login({ email, password });
assert(tokens.status === 200, JSON.stringify(tokens.data));
const authorization = `Bearer ${tokens.data.access_token}`;

// Both bodies are typed; the media type is the caller's to name.
const made = await createEvent(
  { title: { en: "By orval", nl: "Door orval" }, starts_at: "2027-04-02T09:30", time_zone: "Europe/Brussels" },
  {},
  { headers: { authorization, "Content-Type": "application/vnd.plenary.all-locales+json" } },
);
assert(made.status === 201, JSON.stringify(made.data));
assert.deepEqual(made.data.title, { en: "By orval", nl: "Door orval" });
assert.equal(made.data.starts_at, "2027-04-02T09:30:00+02:00");

const etag = made.headers.get("etag") ?? "";
const published = await publishEvent(made.data.id, {}, { headers: { authorization, "If-Match": etag } });
assert(published.status === 200, JSON.stringify(published.data));
assert.equal(published.data.status, "published");

const seen = await getEvent(made.data.slug, { locale: "nl" });
assert(seen.status === 200);
// The schemas of the delivery view know what the server sends, in full.
const parsed = GetEventResponse.parse(seen.data);
assert.equal(parsed.title, "Door orval");
assert.equal(parsed.starts_at, "2027-04-02T09:30:00+02:00");

const query = { sort: ["-starts_at" as const, "title" as const], limit: 1 };
const page = await listEvents(query, { headers: { authorization } });
assert(page.status === 200 && page.data.page.next, JSON.stringify(page.data));
const next = await listEvents({ ...query, cursor: page.data.page.next }, { headers: { authorization } });
assert(next.status === 200 && next.data.data[0]?.id !== page.data.data[0]?.id);

const wrong = await createEvent({ title: "", starts_at: "tomorrow" }, {}, { headers: { authorization } });
assert(wrong.status === 422);
assert.deepEqual(wrong.data.errors?.map((fault) => fault.pointer), ["/title", "/starts_at"]);
console.log("orval: done; texts: all languages; offsets: kept");
