import { createPlenary, item, items, PlenaryError, type Collection } from "@plenary/client";
import { cacheLife, cacheTag } from "next/cache";
import { cookies, draftMode } from "next/headers";

export const baseUrl = process.env.PLENARY_URL ?? "http://127.0.0.1:8080";
/** Name of the cookie with the token of a preview link. */
export const PREVIEW = "plenary-preview";

/** All collections, of which every answer depends on at least one. */
const COLLECTIONS: Collection[] = [
  "events", "sessions", "speakers", "partners", "venues", "topics", "series", "event-types", "pages",
];
/** Next.js takes at most 128 tags for a cached value. */
const MAX_TAGS = 128;

/** Reads from the server, and marks the cached value with what the answer depends on (`cdn.tags = "cache-tag"`). */
async function fetchTagged(request: Request): Promise<Response> {
  const response = await fetch(request);
  const tags = response.headers.get("cache-tag")?.split(",") ?? [];
  cacheTag(...(tags.length > 0 && tags.length <= MAX_TAGS ? tags : COLLECTIONS));
  return response;
}

const visitor = createPlenary({ baseUrl, fetch: fetchTagged });

/** The events of the site, those that come last first. */
export async function listEvents() {
  "use cache";
  // The server tells of every change; this is for the case that it cannot.
  cacheLife("days");
  const fields = ["title", "summary", "starts_on", "venue.name"] as const;
  const events = [];
  for await (const event of items(visitor, "events", { sort: ["-starts_at"], limit: 100, fields })) events.push(event);
  return events;
}

/** An event with its people and its programme, or nothing. */
export async function getEvent(slug: string) {
  const { isEnabled } = await draftMode();
  const preview = isEnabled ? (await cookies()).get(PREVIEW)?.value : undefined;
  return preview === undefined ? getPublicEvent(slug) : readEvent(createPlenary({ baseUrl, preview }), slug);
}

async function getPublicEvent(slug: string) {
  "use cache";
  cacheLife("days");
  return readEvent(visitor, slug);
}

async function readEvent(plenary: typeof visitor, slug: string) {
  try {
    return await item(plenary, "events", slug, { include: ["speakers", "partners", "venue", "sessions"] });
  } catch (error) {
    if (error instanceof PlenaryError && error.kind === "not-found") return null;
    throw error;
  }
}
