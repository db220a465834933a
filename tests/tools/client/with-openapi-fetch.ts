// A frontend developer's and an editor's first steps, with types by openapi-typescript.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

// Answers with `fields` are of a type of their own; everything else is one of these.
type Json = "application/json" | "application/problem+json";
type Event = components["schemas"]["Event"];

const [baseUrl = "", email = "", password = ""] = process.argv.slice(2);
const visitor = createClient<paths, Json>({ baseUrl });

const login = await visitor.POST("/api/v1/auth/login", { body: { email, password } });
assert(login.data, JSON.stringify(login.error));
const editor = createClient<paths, Json>({ baseUrl, headers: { Authorization: `Bearer ${login.data.access_token}` } });

// Texts in all languages have a media type of their own, and so a client of that type.
const translator = createClient<paths, "application/vnd.plenary.all-locales+json" | "application/problem+json">({
  baseUrl,
  headers: { Authorization: `Bearer ${login.data.access_token}`, "Content-Type": "application/vnd.plenary.all-locales+json" },
});
const both = await translator.POST("/api/v1/events", {
  body: { title: { en: "In two languages", nl: "In twee talen" }, starts_at: "2027-03-05", status: "published" },
});
assert(both.data, JSON.stringify(both.error));
assert.deepEqual(both.data.title, { en: "In two languages", nl: "In twee talen" });
const dutch = await visitor.GET("/api/v1/events/{id_or_slug}", {
  params: { path: { id_or_slug: both.data.id }, query: { locale: "nl" } },
});
assert.equal(dutch.data?.title, "In twee talen");

const speaker = await editor.POST("/api/v1/speakers", { body: { name: "Typed Person", status: "published" } });
assert(speaker.data);
const made = await editor.POST("/api/v1/events", {
  body: {
    title: "Typed from end to end",
    starts_at: "2027-03-04T09:30",
    time_zone: "Europe/Brussels",
    speakers: [{ speaker: speaker.data.id, role: "keynote" }],
  },
});
assert(made.data, JSON.stringify(made.error));
assert.equal(made.data.starts_at, "2027-03-04T09:30:00+01:00");

const path = { id_or_slug: made.data.slug };
const hidden = await visitor.GET("/api/v1/events/{id_or_slug}", { params: { path } });
assert.equal(hidden.response.status, 404);
assert.equal(hidden.error?.status, 404);

const etag = made.response.headers.get("etag") ?? "";
const published = await editor.POST("/api/v1/events/{id_or_slug}/publish", {
  params: { path, header: { "If-Match": etag } },
});
assert.equal(published.data?.status, "published");

const stale = await editor.PATCH("/api/v1/events/{id_or_slug}", {
  params: { path, header: { "If-Match": etag } },
  body: { kicker: "EVENT" },
  headers: { "Content-Type": "application/merge-patch+json" },
});
assert.equal(stale.error?.current?.version, 2);

const page = await visitor.GET("/api/v1/events", {
  params: { query: { "starts_at[gte]": "2027-03-01", speaker: [speaker.data.slug], include: ["speakers"], count: "exact" } },
});
assert(page.data, JSON.stringify(page.error));
assert.equal(page.data.page.total, 1);
const events: Event[] = page.data.data;
const first = events[0];
assert(first);
assert.equal(first.speakers[0]?.role, "keynote");
assert.equal(first.speakers[0]?.speaker.name, "Typed Person");

const query = { "starts_at[gte]": "2027-03-01", limit: 1 };
const one = await visitor.GET("/api/v1/events", { params: { query } });
assert(one.data?.page.next);
const next = await visitor.GET("/api/v1/events", { params: { query: { ...query, cursor: one.data.page.next } } });
assert(next.data && next.data.data[0]?.id !== one.data.data[0]?.id);

const wrong = await editor.POST("/api/v1/events", { body: { title: "" } });
assert.equal(wrong.error?.errors?.[0]?.pointer, "/title");
console.log("openapi-fetch: done; texts: all languages; offsets: kept");
