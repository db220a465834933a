// An editor's and a reader's first steps with the client of openapi-generator's typescript-fetch.
import assert from "node:assert/strict";
import { AuthenticationApi, Configuration, EventsApi, ResponseError, type EventInput, type Problem } from "./openapi/index.js";

const [basePath = "", email = "", password = ""] = process.argv.slice(2);
const { accessToken } = await new AuthenticationApi(new Configuration({ basePath })).login({ loginInput: { email, password } });
const events = new EventsApi(new Configuration({ basePath, accessToken }));

const eventInput: EventInput = { title: "By openapi-generator", startsAt: "2027-04-05T09:30", timeZone: "Europe/Brussels" };
const made = await events.createEventRaw({ eventInput });
const draft = await made.value();
assert.equal(draft.startsAt, "2027-04-05T09:30:00+02:00");

// It knows the first media type only, so the second language is a second request.
const idOrSlug = draft.slug;
const patch = { idOrSlug, ifMatch: made.raw.headers.get("etag") ?? "", locale: "nl" as const };
const translated = await events.updateEventRaw({ ...patch, eventPatch: { title: "Met openapi-generator" } });
const published = await events.publishEvent({ idOrSlug, ifMatch: translated.raw.headers.get("etag") ?? "" });
assert.equal(published.status, "published");
assert.equal((await events.getEvent({ idOrSlug, locale: "en" })).title, "By openapi-generator");
assert.equal((await events.getEvent({ idOrSlug, locale: "nl" })).title, "Met openapi-generator");

const query = { sort: ["-starts_at" as const, "title" as const], limit: 1 };
const page = await events.listEvents(query);
assert(page.page.next);
const next = await events.listEvents({ ...query, cursor: page.page.next });
assert.notEqual(next.data[0]?.id, page.data[0]?.id);

const problem = await events.createEvent({ eventInput: { title: "", startsAt: "tomorrow" } }).then(
  () => assert.fail("refused"),
  async (error: ResponseError) => (await error.response.json()) as Problem,
);
assert.deepEqual(problem.errors?.map((fault) => fault.pointer), ["/title", "/starts_at"]);
console.log("openapi-generator typescript-fetch: done; texts: one language a request; offsets: kept");
