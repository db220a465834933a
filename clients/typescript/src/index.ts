/**
 * A client for Plenary. Everything is typed by the server's OpenAPI document; the helpers here are for what
 * takes more than one request: walking through pages, showing previews, keeping a copy.
 */
import createFetchClient, { type Client, type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths } from "./schema.js";

/** The types of answers that this client expects; those with `fields` are of a type of their own. */
export type Json = "application/json" | "application/problem+json";
/** The schemas of the server's document. */
export type Schemas = components["schemas"];
/** A problem as the server tells it (RFC 9457). */
export type Problem = Schemas["Problem"];

/** Where the server is, and how to talk to it. */
export interface Options {
  /** The server: `https://cms.example.org`. */
  baseUrl: string;
  /** An access token or API key; without it, only what is published is seen. */
  token?: string | (() => string | undefined | Promise<string | undefined>);
  /** The token of a preview link: every read shows what that shows. */
  preview?: string;
  /** The language of reads that name none. */
  locale?: string;
  /** Another `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
}

/** A typed client: `client.GET("/api/v1/events", …)`. */
export type Plenary = Client<paths, Json>;

/** Whether an operation knows a parameter: reads of content know all of these. */
const OF_READS = /^\/api\/v1\/(events|sessions|speakers|partners|venues|topics|series|event-types)(\/[^/]+)?$/;

/** Makes a client. */
export function createPlenary(options: Options): Plenary {
  const client = createFetchClient<paths, Json>({
    baseUrl: options.baseUrl.replace(/\/+$/, ""),
    // Lists of words have commas: `include=speakers,partners`.
    querySerializer: { array: { style: "form", explode: false } },
    ...(options.fetch ? { fetch: options.fetch } : {}),
  });
  const dress: Middleware = {
    async onRequest({ request }) {
      const url = new URL(request.url);
      if (request.method === "GET" && OF_READS.test(url.pathname)) {
        if (options.preview) url.searchParams.set("preview", options.preview);
        if (options.locale && !url.searchParams.has("locale")) url.searchParams.set("locale", options.locale);
      }
      const token = typeof options.token === "function" ? await options.token() : options.token;
      const dressed = url.href === request.url ? request : new Request(url, request);
      if (token) dressed.headers.set("authorization", `Bearer ${token}`);
      return dressed;
    },
  };
  client.use(dress);
  return client;
}

/** An answer that was no success. */
export class PlenaryError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | undefined,
  ) {
    super(problem ? `${problem.status} ${problem.title}: ${problem.detail}` : `the server answered ${status}`);
    this.name = "PlenaryError";
  }
}

/** The data of an answer; throws a {@link PlenaryError} where there is none. */
export function data<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new PlenaryError(answer.response.status, answer.error as Problem | undefined);
  return answer.data;
}

/** The collections of the server. */
export type Collection = keyof Pages;
/** The query parameters of a collection's list. */
export type Query<C extends Collection> = NonNullable<paths[`/api/v1/${C}`]["get"]["parameters"]["query"]>;
/** The pages of the collections' lists. */
interface Pages {
  events: Schemas["EventPage"];
  sessions: Schemas["SessionPage"];
  speakers: Schemas["SpeakerPage"];
  partners: Schemas["PartnerPage"];
  venues: Schemas["VenuePage"];
  topics: Schemas["TopicPage"];
  series: Schemas["SeriesPage"];
  "event-types": Schemas["EventTypePage"];
}
/** A page of a collection's list. */
export type Page<C extends Collection> = Pages[C];
/** An item of a collection, as lists show it. */
export type Item<C extends Collection> = Page<C>["data"][number];

/** All pages of a list, one after the other: neither skipped nor repeated, whatever is written meanwhile. */
export async function* pages<C extends Collection>(
  client: Plenary,
  collection: C,
  query: Omit<Query<C>, "cursor" | "fields"> = {} as Query<C>,
): AsyncGenerator<Page<C>, void, undefined> {
  let cursor: string | null | undefined;
  do {
    const asked = { ...query, ...(cursor ? { cursor } : {}) };
    // One signature for all collections: which of them it is, the types of this function say.
    const get = client.GET as (path: string, init: object) => Promise<{ data?: Page<C>; error?: unknown; response: Response }>;
    const page = data(await get(`/api/v1/${collection}`, { params: { query: asked } }));
    yield page;
    cursor = page.page.next;
  } while (cursor);
}

/** All items of a list. */
export async function* items<C extends Collection>(
  client: Plenary,
  collection: C,
  query: Omit<Query<C>, "cursor" | "fields"> = {} as Query<C>,
): AsyncGenerator<Item<C>, void, undefined> {
  for await (const page of pages(client, collection, query)) yield* page.data as Item<C>[];
}

/** What changed. */
export type Changes = Schemas["Changes"];
/** One change. */
export type Change = Changes["data"][number];

/**
 * Takes in everything that a copy lacks: all that is public at first, then what changed since `since`. Gives the
 * token to go on from the next time; it is good for ever, unless the server's history goes back, as when a backup is
 * restored: then this fails with the problem `invalid-sync-token` (410). Forget the copy then, and begin without `since`.
 */
export async function sync(
  client: Plenary,
  take: (changes: Change[]) => void | Promise<void>,
  since?: string,
): Promise<string> {
  let token = since;
  for (;;) {
    const changes = data(await client.GET("/api/v1/changes", { params: { query: token ? { since: token } : {} } }));
    await take(changes.data);
    token = changes.next;
    if (!changes.more) return token;
  }
}

/** An item as the public sees it. */
export type PublicItem = Extract<Change, { operation: "upsert" }>["item"];

/**
 * A copy of all that is public, for {@link sync} and {@link listen}:
 *
 * ```ts
 * const copy = new Copy();
 * const token = await sync(client, copy.take);
 * copy.get(id);
 * ```
 *
 * Items show a part of what they refer to, as it was when they were told. The server tells them again when that changes,
 * but not all of those that refer to one item if these are thousands; so `get` joins them by id with what the copy
 * has of them now.
 */
export class Copy {
  readonly #items = new Map<string, PublicItem>();

  /** Takes changes in. */
  readonly take = (changes: Change[]): void => {
    for (const change of changes) {
      if (change.operation === "delete") this.#items.delete(change.id);
      else this.#items.set(change.item.id, change.item);
    }
  };

  /** How many items there are. */
  get size(): number {
    return this.#items.size;
  }

  /** The ids of all items. */
  ids(): IterableIterator<string> {
    return this.#items.keys();
  }

  /** An item, and what it shows of others as they are now. */
  get(id: string): PublicItem | undefined {
    const item = this.#items.get(id);
    if (!item) return undefined;
    const parts = Object.entries(item).map(([name, value]) => [name, this.#now(value) ?? null]);
    return Object.fromEntries(parts) as PublicItem;
  }

  /** The value with items in it as they are now; nothing for one that is not public any more. */
  #now(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((entry) => this.#now(entry)).filter((entry) => entry !== undefined);
    if (typeof value !== "object" || value === null) return value;
    const shown = value as Record<string, unknown>;
    if (typeof shown.id === "string") {
      const now = this.#items.get(shown.id) as Record<string, unknown> | undefined;
      return now && Object.fromEntries(Object.keys(shown).map((name) => [name, name in now ? now[name] : shown[name]]));
    }
    const parts = Object.entries(shown).map(([name, part]) => [name, this.#now(part)] as const);
    // A tie without the item at its other end, such as a speaker's role, says nothing.
    return parts.some(([, part]) => part === undefined) ? undefined : Object.fromEntries(parts);
  }
}

/** As much of `EventSource` as is wanted. */
export interface EventSourceLike {
  addEventListener(name: string, listener: (event: { data: string }) => void): void;
  close(): void;
}

/**
 * Takes in what changes, as it happens, until the function that it gives is called. The token that {@link sync} gave
 * says from where on; browsers come back by themselves after the network failed, and miss nothing. `reset` is called, and
 * the listening over, when the server's history went back: the copy is to be made anew.
 */
export function listen(
  baseUrl: string,
  take: (changes: Change[], next: string) => void,
  since?: string,
  make: (url: string) => EventSourceLike = (url) => new EventSource(url) as unknown as EventSourceLike,
  reset: () => void = () => {},
): () => void {
  const query = since ? `?since=${encodeURIComponent(since)}` : "";
  const source = make(`${baseUrl.replace(/\/+$/, "")}/api/v1/changes/live${query}`);
  source.addEventListener("changes", (event) => {
    const changes = JSON.parse(event.data) as Changes;
    take(changes.data, changes.next);
  });
  source.addEventListener("reset", () => {
    source.close();
    reset();
  });
  return () => source.close();
}

/** The address of a calendar to subscribe to, of any query of events. */
export function calendarUrl(baseUrl: string, query: Record<string, string> = {}): string {
  const url = new URL(`${baseUrl.replace(/\/+$/, "")}/api/v1/events.ics`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href.replace(/^http/, "webcal");
}
