// Our own client, as it is packed.
import assert from "node:assert/strict";
import { Copy, calendarUrl, createPlenary, data, editable, eventStream, item, items, listen, pages, PlenaryError, PROBLEM_TYPES, resolvePath, sync } from "@plenary/client";
import type { Change, ProblemType, Schemas } from "@plenary/client";

const [baseUrl = "", email = "", password = ""] = process.argv.slice(2);
const visitor = createPlenary({ baseUrl });
const tokens = data(await visitor.POST("/api/v1/auth/login", { body: { email, password } }));
const editor = createPlenary({ baseUrl, token: () => tokens.access_token });

// A copy, from the beginning on.
const copy = new Map<string, string>();
const take = (changes: Change[]) => {
  for (const change of changes) {
    if (change.operation === "delete") copy.delete(change.id);
    else copy.set(change.item.id, "title" in change.item ? String(change.item.title) : change.item.slug);
  }
};
let token = await sync(visitor, take);
const before = copy.size;

for (let number = 0; number < 7; number++) {
  const title = { en: `Packed ${number}`, nl: `Verpakt ${number}` };
  data(await editor.POST("/api/v1/events", { params: { query: { locale: "*" } }, body: { title, status: "published", starts_at: `2031-01-0${number + 1}` } }));
}

// All pages, in order; what `items` gives has the types of the list.
const titles: string[] = [];
const query = { limit: 3, sort: ["starts_at" as const], "starts_at[gte]": "2031-01-01" };
for await (const event of items(visitor, "events", query)) {
  const typed: string = event.slug;
  assert(typed.length > 0);
  titles.push(String(event.title));
}
assert.deepEqual(titles, Array.from({ length: 7 }, (_, number) => `Packed ${number}`));
let count = 0;
for await (const page of pages(visitor, "events", query)) count += page.data.length > 0 ? 1 : 0;
assert.equal(count, 3);

// The language of the client, and of a request.
const dutch = createPlenary({ baseUrl, locale: "nl" });
const path = { id_or_slug: "packed-0" };
assert.equal(data(await dutch.GET("/api/v1/events/{id_or_slug}", { params: { path } })).title, "Verpakt 0");
assert.equal(data(await dutch.GET("/api/v1/events/{id_or_slug}", { params: { path, query: { locale: "en" } } })).title, "Packed 0");

token = await sync(visitor, take, token);
assert.equal(copy.size, before + 7);
assert.equal(await sync(visitor, () => {}, token), token);

// What an item shows of others is what the copy has of them.
const speaker = data(await editor.POST("/api/v1/speakers", { body: { name: "Before", status: "published" } }));
const talk = data(await editor.POST("/api/v1/events", {
  body: { title: "Talk", status: "published", speakers: [{ speaker: speaker.id, role: "keynote" }] },
}));
const mirror = new Copy();
let mirrored = await sync(visitor, mirror.take);
const speakers = () => (mirror.get(talk.id) as Schemas["Event"]).speakers?.map((tie) => [tie.role, tie.speaker.name]);
assert.deepEqual(speakers(), [["keynote", "Before"]]);
const header = { "If-Match": '"v1"' };
data(await editor.PATCH("/api/v1/speakers/{id_or_slug}", {
  params: { path: { id_or_slug: speaker.id }, header }, body: { name: "After" },
  headers: { "content-type": "application/merge-patch+json" },
}));
// Only the speaker is taken in: the copy joins by id.
mirrored = await sync(visitor, (changes) => mirror.take(changes.filter((change) => change.operation === "upsert" && change.item.id === speaker.id)), mirrored);
assert.deepEqual(speakers(), [["keynote", "After"]]);
mirror.take([{ collection: "speakers", operation: "delete", id: speaker.id }]);
assert.deepEqual(speakers(), []);
token = mirrored;

// A preview link shows a draft to somebody without an account.
const draft = data(await editor.POST("/api/v1/events", { body: { title: "Not yet" } }));
const link = data(await editor.POST("/api/v1/preview-links", { body: { collection: "events", id: draft.id } }));
const previewer = createPlenary({ baseUrl, preview: link.token });
const shown = data(await previewer.GET("/api/v1/events/{id_or_slug}", { params: { path: { id_or_slug: draft.slug } } }));
assert.equal(shown.title, "Not yet");

// The language and the link of the client are sent wherever the document knows them, and nowhere else.
const document = (await (await fetch(`${baseUrl}/api/openapi.json`)).json()) as {
  paths: Record<string, { get?: { parameters?: ({ name: string; in: string } | { $ref: string })[] } }>;
  components: { parameters?: Record<string, { name: string; in: string }> };
};
const sent: URL[] = [];
const dressed = createPlenary({ baseUrl, locale: "nl", preview: "token", fetch: async (request) => (sent.push(new URL(request.url)), new Response("{}")) });
for (const [path, { get }] of Object.entries(document.paths)) {
  if (!get) continue;
  const parameters = (get.parameters ?? []).map((one) => ("$ref" in one ? document.components.parameters![one.$ref.split("/").pop()!]! : one));
  const knows = (name: string) => parameters.some((one) => one.in === "query" && one.name === name);
  // Here, it is the form of texts in the schema, and no language.
  const isForm = path === "/api/v1/schemas/{collection}";
  const values = Object.fromEntries(parameters.filter((one) => one.in === "path").map((one) => [one.name, "x"]));
  await (dressed.GET as (path: string, options: object) => Promise<unknown>)(path, { params: { path: values } });
  const url = sent.pop()!;
  assert.deepEqual([url.searchParams.has("locale"), url.searchParams.has("preview")], [knows("locale") && !isForm, knows("preview")], path);
}
const ld = data(await dutch.GET("/api/v1/events/{id_or_slug}/json-ld", { params: { path } })) as { name?: string };
assert.equal(ld.name, "Verpakt 0");
const hidden = data(await previewer.GET("/api/v1/events/{id_or_slug}/json-ld", { params: { path: { id_or_slug: draft.slug } } })) as { name?: string };
assert.equal(hidden.name, "Not yet");

// What is included is whole, and typed so; all else is a reference.
const whole = await item(visitor, "events", talk.id, { include: ["speakers"] });
const first = whole.speakers[0]!.speaker;
assert.equal(first.version, 2);
const short = await item(visitor, "events", talk.id);
// @ts-expect-error: without include, a speaker is a reference.
assert.equal(short.speakers[0]!.speaker.version, undefined);
// @ts-expect-error: sessions are there only if they are included.
assert.equal(short.sessions?.[0].title, undefined);
assert.deepEqual((await item(visitor, "events", talk.id, { include: ["sessions"] })).sessions.map((session) => session.title), []);
for await (const event of items(visitor, "events", { include: ["speakers"], ids: [talk.id] })) {
  assert.equal(event.speakers[0]!.speaker.name, "After");
}

// Answers with `fields` have the type of these fields alone; dots lead into objects and related items.
const sparse = await item(visitor, "events", talk.id, { fields: ["title", "registration.url", "speakers.role", "speakers.speaker.version", "venue.name"] });
const parts: { id: string; slug: string; title: string; registration: { url: string | null } | null; speakers: { role: string; speaker: { version: number } }[]; venue: { name: string } | null } = sparse;
assert.deepEqual(parts, { id: talk.id, slug: talk.slug, title: "Talk", registration: null, speakers: [{ role: "keynote", speaker: { version: 2 } }], venue: null });
// @ts-expect-error: what is not asked for is not there.
assert.equal(sparse.summary, undefined);
// @ts-expect-error: nor in what is related.
assert.equal(sparse.speakers[0]!.speaker.name, undefined);
for await (const event of items(visitor, "events", { fields: ["starts_on", "body"], ids: [talk.id] })) {
  const day: string | null = event.starts_on;
  assert.deepEqual(Object.keys(event).sort(), ["body", "id", "slug", "starts_on"]);
  assert.deepEqual([day, event.body], [null, null]);
}
// @ts-expect-error: there is no such field.
await assert.rejects(async () => { await item(visitor, "events", talk.id, { fields: ["speakers.speaker.age"] }); }, PlenaryError);

// Parameters that the server does not know are errors of the compiler, and of the server.
// @ts-expect-error: there is no such parameter.
const unknown = await visitor.GET("/api/v1/events", { params: { query: { when_: "upcoming" } } });
assert.equal(unknown.response.status, 400);
// @ts-expect-error: there is no such parameter.
await assert.rejects(async () => { for await (const _ of items(visitor, "events", { when_: "upcoming" })) break; }, PlenaryError);
// @ts-expect-error: nor such a relation.
await assert.rejects(async () => { await item(visitor, "events", talk.id, { include: ["speeches"] }); }, PlenaryError);
// @ts-expect-error: the query is required here.
await assert.rejects(async () => data(await visitor.GET("/api/v1/search")), PlenaryError);

// What is refused is a problem, which tells every fault.
const twice = { title: "x".repeat(301), starts_at: "tomorrow" };
await assert.rejects(async () => data(await editor.POST("/api/v1/events", { body: twice })), (error) => {
  assert(error instanceof PlenaryError && error.kind === "invalid");
  assert.deepEqual(error.faults.map((fault) => [fault.pointer, fault.code]), [["/title", "too_long"], ["/starts_at", "not_a_time"]]);
  assert(error.message.includes("/starts_at: ") && error.message.includes("(too_long)"), error.message);
  const type: ProblemType | undefined = error.type;
  assert.deepEqual(type, { code: "invalid", status: 422, title: "Unprocessable content" });
  if (type?.code === "invalid") {
    const status: 422 = type.status;
    assert.equal(status, error.status);
  }
  // @ts-expect-error: there is no such type.
  assert(error.kind !== "refused");
  // @ts-expect-error: nor such a rule.
  assert.equal(error.at("/title", "too_wide").length, 0);
  assert.equal(error.at("/title", "too_long").length, 1);
  return error.at("/title").length === 1 && error.at("/ti").length === 0;
});
const missing = async () => data(await visitor.GET("/api/v1/events/{id_or_slug}", { params: { path: { id_or_slug: draft.slug } } }));
await assert.rejects(missing, (error) => error instanceof PlenaryError && error.status === 404 && error.problem?.title !== undefined);

// Where addresses lead that the website does not know.
const gone = { source: "/left", status_code: 410, status: "published" as const };
const moved = { source: "/moved", status_code: 308, destination: { url: "/here" }, status: "published" as const };
for (const body of [gone, moved]) data(await editor.POST("/api/v1/redirects", { body }));
const led = await resolvePath(visitor, "/moved?a=1\r\nb");
assert.deepEqual(led, { outcome: "redirect", status: 308, location: "/here?a=1%0D%0Ab", item: null });
if (led.outcome === "redirect") {
  const status: 301 | 302 | 307 | 308 = led.status;
  assert.equal(new Headers({ location: led.location }).get("location"), "/here?a=1%0D%0Ab", String(status));
}
assert.deepEqual(await resolvePath(visitor, "/left"), { outcome: "gone", status: 410 });
const nowhere = await resolvePath(dutch, "/nowhere");
assert.deepEqual(nowhere, { outcome: "unknown", status: 404 });
// @ts-expect-error: only a redirect has a location.
assert.equal(nowhere.location, undefined);
await assert.rejects(async () => resolvePath(visitor, "no-path"), (error) => error instanceof PlenaryError && error.at("?path").length === 1);

// Attributes for the editor in the page, of fields that can be edited.
const river = { id: "01890a5d-ac96-774b-bcce-b302099a8057", locale: "nl" };
assert.deepEqual(editable("events", river, "title"), { "data-plenary": `events/${river.id}#title`, "data-plenary-locale": "nl" });
assert.deepEqual(editable("site", { id: river.id }, "newsletter/lead", { label: "lead" }), { "data-plenary": `site/${river.id}#newsletter/lead`, "data-plenary-label": "lead" });
assert.equal(editable("pages", river, "blocks/2/heading", { locale: "en" })["data-plenary-locale"], "en");
// @ts-expect-error: there is no such field.
editable("events", river, "titel");
// @ts-expect-error: the server sets it.
editable("events", river, "version");

// Changes as they happen: with the platform's EventSource, which Node.js 20 has not, and with our own.
const next = async (start: (take: (changes: Change[]) => void) => () => void, title: string) => {
  const heard = new Promise<Change>((resolve) => {
    const stop = start(([change]) => (stop(), resolve(change!)));
  });
  data(await editor.POST("/api/v1/events", { body: { title, status: "published" } }));
  const change = await heard;
  assert(change.operation === "upsert" && "title" in change.item && change.item.title === title);
};
token = await sync(visitor, () => {}, token);
await next((take) => listen(baseUrl, take, token), "Heard");
token = await sync(visitor, () => {}, token);
await next((take) => listen(baseUrl, take, token, (url) => eventStream(url)), "Streamed");

// After a failure it begins anew from the last event on; a refusal ends it.
const answers = [
  new Response("event: changes\rdata: 1\r\nid: 7\nretry: 1\n\n: comment\n\nevent: changes\ndata: 2", { headers: { "content-type": "text/event-stream" } }),
  new Response("", { status: 503 }),
  new Response("event: changes\ndata: 3\ndata: 4\n\n"),
  new Response("", { status: 410 }),
];
const asked: (string | null)[] = [];
const told: string[] = [];
await new Promise<void>((resolve) => {
  const source = eventStream("http://x/", async (_, init) => {
    asked.push(new Headers(init?.headers).get("last-event-id"));
    return answers.shift()!;
  });
  source.addEventListener("changes", (event) => told.push(event.data));
  source.addEventListener("reset", () => resolve());
});
// An event that the end of the connection cut off is none.
assert.deepEqual([told, asked], [["1", "3\n4"], [null, "7", "7", "7"]]);
assert.equal(calendarUrl("https://cms.example.org/", { topic: "water" }), "webcals://cms.example.org/api/v1/events.ics?topic=water");
// A type of problem that a later version of the server has.
const later = new PlenaryError(418, { type: "https://cms.example.org/problems/teapot", title: "Teapot", status: 418, detail: "", instance: "", request_id: "" });
assert.deepEqual([later.kind, later.type, later.status], [undefined, undefined, 418]);
assert.deepEqual(Object.values(PROBLEM_TYPES).map((type) => type.code), Object.keys(PROBLEM_TYPES));
console.log("plenary-client: done");
