// Our own client, as it is packed.
import assert from "node:assert/strict";
import { Copy, calendarUrl, createPlenary, data, items, listen, pages, PlenaryError, sync } from "@plenary/client";
import type { Change, Schemas } from "@plenary/client";

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
  const typed: Schemas["Event"] = event;
  titles.push(String(typed.title));
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

// What is refused is a problem.
const missing = async () => data(await visitor.GET("/api/v1/events/{id_or_slug}", { params: { path: { id_or_slug: draft.slug } } }));
await assert.rejects(missing, (error) => error instanceof PlenaryError && error.status === 404 && error.problem?.title !== undefined);

// Changes as they happen; Node.js 20 has no EventSource, so one stands in for it.
const heard: Change[] = [];
const events = new Map<string, (event: { data: string }) => void>();
let address = "";
const stop = listen(baseUrl, (changes) => heard.push(...changes), token, (url) => {
  address = url;
  return { addEventListener: (name, listener) => void events.set(name, listener), close: () => events.clear() };
});
assert.equal(address, `${baseUrl}/api/v1/changes/live?since=${encodeURIComponent(token)}`);
const response = await fetch(address, { headers: { accept: "text/event-stream" } });
data(await editor.POST("/api/v1/events", { body: { title: "Heard", status: "published" } }));
const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
for (let text = ""; heard.length === 0; ) {
  const { value, done } = await reader.read();
  assert(!done, "the stream ended");
  text += value;
  for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
    const lines = Object.fromEntries(text.slice(0, end).split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)));
    text = text.slice(end + 2);
    events.get(lines.event)?.({ data: lines.data });
  }
}
await reader.cancel();
stop();
const [change] = heard;
assert(change?.operation === "upsert" && "title" in change.item && change.item.title === "Heard");
assert.equal(calendarUrl("https://cms.example.org/", { topic: "water" }), "webcals://cms.example.org/api/v1/events.ics?topic=water");
console.log("plenary-client: done");
