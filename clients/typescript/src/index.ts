/**
 * A client for Plenary. Everything is typed by the server's OpenAPI document; the helpers here are for what
 * takes more than one request: walking through pages, showing previews, keeping a copy.
 */
import createFetchClient, { type Middleware } from "openapi-fetch";
import { eventStream, type EventSourceLike } from "./event-stream.js";
import type { PathOf, Picked } from "./fields.js";
import { PROBLEM_TYPES } from "./problems.js";
import type { components, paths } from "./schema.js";
import type { Including, Json, Plenary } from "./strict.js";

export { PROBLEM_TYPES } from "./problems.js";
export type { Picked } from "./fields.js";
export { editable, type EditableAttributes, type EditableCollection, type EditablePath } from "./editable.js";
export { eventStream, type EventSourceLike } from "./event-stream.js";
export type { components, paths } from "./schema.js";
export type { Including, Json, Plenary } from "./strict.js";

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

/** Reads of content, of which the token of a preview link may show more. */
const OF_CONTENT =
  /^\/api\/v1\/(events|sessions|speakers|partners|venues|topics|series|event-types|pages|menus|announcements|redirects)(\/\{id_or_slug\}|\/by-external-id\/\{source\}\/\{external_id\})?$/;
/** The settings of the site, the layout, and pages by their paths. */
const OF_SITE = /^\/api\/v1\/(site|site\/\{id_or_slug\}|layout|pages\/by-path|pages\/by-path\/\{path\})$/;
/** Feeds of events, and single events in other forms. */
const OF_FEEDS = /^\/api\/v1\/events(\.\{format\}|\/\{id_or_slug\}\/(calendar\.ics|json-ld|schedule\.\{format\}))$|^\/api\/v1\/sessions\.ics$/;
/** Other reads in one language. */
const OF_LANGUAGE = /^\/api\/v1\/(?:search|contact\/\{form\}|newsletter\/consent|newsletter\/issues\/\{id\}\/preview|mail-templates\/\{kind\}|pages\/\{id_or_slug\}\/versions(?:\/\{version\})?|redirects\/resolve)$/;

/** Whether reads of a path know the parameter `preview`. */
const knowsPreview = (path: string) => OF_CONTENT.test(path) || OF_SITE.test(path) || OF_FEEDS.test(path);
/** Whether reads of a path know the parameter `locale`. */
const knowsLocale = (path: string) => knowsPreview(path) || OF_LANGUAGE.test(path);

/** Makes a client. */
export function createPlenary(options: Options): Plenary {
  const client = createFetchClient<paths, Json>({
    baseUrl: options.baseUrl.replace(/\/+$/, ""),
    // Lists of words have commas: `include=speakers,partners`.
    querySerializer: { array: { style: "form", explode: false } },
    ...(options.fetch ? { fetch: options.fetch } : {}),
  });
  const dress: Middleware = {
    async onRequest({ request, schemaPath }) {
      const url = new URL(request.url);
      const add = (name: string, value: string | undefined) => {
        if (value && !url.searchParams.has(name)) url.searchParams.set(name, value);
      };
      if (request.method === "GET" && knowsPreview(schemaPath)) add("preview", options.preview);
      if (request.method === "GET" && knowsLocale(schemaPath)) add("locale", options.locale);
      const token = typeof options.token === "function" ? await options.token() : options.token;
      const dressed = url.href === request.url ? request : new Request(url, request);
      if (token) dressed.headers.set("authorization", `Bearer ${token}`);
      return dressed;
    },
  };
  client.use(dress);
  return client as unknown as Plenary;
}

/** A fault in a request: its place, the rule that it breaks, and a sentence for people. */
export type Fault = NonNullable<Problem["errors"]>[number];

/** The identifier of a type of problem, such as `invalid`: the last part of its `type`. */
export type ProblemCode = Schemas["ProblemCode"];
/** A type of problem: its code with the status and the title that it always has. */
export type ProblemType = (typeof PROBLEM_TYPES)[ProblemCode];
/** The identifier of the rule that a {@link Fault} breaks, such as `too_long`. */
export type ViolationCode = Schemas["ViolationCode"];

/** An answer that was no success. */
export class PlenaryError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | undefined,
  ) {
    super(problem ? described(problem) : `the server answered ${status}`);
    this.name = "PlenaryError";
  }

  /** The kind of problem: the last part of its `type`. Nothing for one that this version of the client does not know. */
  get kind(): ProblemCode | undefined {
    return this.type?.code;
  }

  /** The type of the problem: a union, which `switch (error.type?.code)` tells apart. */
  get type(): ProblemType | undefined {
    const code = this.problem?.type.split("/").pop() ?? "";
    return Object.hasOwn(PROBLEM_TYPES, code) ? PROBLEM_TYPES[code as ProblemCode] : undefined;
  }

  /** All faults of the request. */
  get faults(): Fault[] {
    return this.problem?.errors ?? [];
  }

  /** The faults at a place of the request, such as `/title` or `?topic`, or below it; only those with a code, if one is given. */
  at(pointer: string, code?: ViolationCode): Fault[] {
    const isThere = (fault: Fault) => fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`);
    return this.faults.filter((fault) => isThere(fault) && (code === undefined || fault.code === code));
  }
}

/** A problem with all of its faults, for a log. */
function described(problem: Problem): string {
  const faults = (problem.errors ?? []).map((fault) => `${fault.pointer || "/"}: ${fault.message} (${fault.code})`);
  return [`${problem.status} ${problem.title}: ${problem.detail}`, ...faults].join("\n  ");
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
  pages: Schemas["WebPagePage"];
  menus: Schemas["MenuPage"];
  announcements: Schemas["AnnouncementPage"];
}
/** A page of a collection's list. */
export type Page<C extends Collection> = Pages[C];
/** An item of a collection. */
export type Item<C extends Collection> = Page<C>["data"][number];
/** What items of a collection can include. */
export type Include<C extends Collection> = Query<C> extends { include?: readonly (infer I extends string)[] } ? I : never;
/** The fields of items of a collection that `fields` can name, those of nested objects and related items with dots. */
export type FieldPath<C extends Collection> = PathOf<Item<C>>;
/** The parameters of a list whose items have a type that follows `include`. */
type ListQuery<C extends Collection, I, F> = Omit<Query<C>, "cursor" | "fields" | "include"> & {
  include?: readonly I[];
  fields?: readonly F[];
};
/** The parameters of one item whose type follows `include` and `fields`. */
type ItemQuery<C extends Collection, I, F> = Pick<
  ListQuery<C, I, F>,
  "include" | "fields" | (keyof ListQuery<C, I, F> & ("locale" | "view" | "body_format" | "at" | "preview"))
>;
/** An item of a collection with these relations included. */
export type With<C extends Collection, I extends string> = Including<Item<C>, Include<C>, I>;
/** An item of a collection with these fields alone, and `id` and `slug`. */
export type Sparse<C extends Collection, F extends string> = Picked<Item<C>, F | "id" | "slug">;
/** What a request with this `include` and these `fields` answers; with `fields`, related items show what these name. */
export type Answer<C extends Collection, I extends string, F extends string> = [F] extends [never]
  ? With<C, I>
  : Sparse<C, F>;

/** One operation for all collections: which of them it is, the types of the functions below say. */
type AnyGet = (path: string, init: object) => Promise<{ data?: unknown; error?: unknown; response: Response }>;

/**
 * One item by its id or slug, with what `include` names as whole items, and everything else as references; or with the
 * fields alone that `fields` names.
 */
export async function item<C extends Collection, const I extends Include<C> = never, const F extends FieldPath<C> = never>(
  client: Plenary,
  collection: C,
  idOrSlug: string,
  query: ItemQuery<C, I, F> = {} as ItemQuery<C, I, F>,
): Promise<Answer<C, I, F>> {
  const params = { path: { id_or_slug: idOrSlug }, query };
  return data(await (client.GET as AnyGet)(`/api/v1/${collection}/{id_or_slug}`, { params })) as Answer<C, I, F>;
}

/** What all pages of a website have in common: settings, menus with addresses, and the announcements that are due. */
export type Layout = Schemas["Layout"];
/** An entry of a menu in the layout. */
export type LayoutEntry = Schemas["LayoutEntry"];

/** The layout, in one request. */
export async function layout(
  client: Plenary,
  query: NonNullable<paths["/api/v1/layout"]["get"]["parameters"]["query"]> = {},
): Promise<Layout> {
  return data(await client.GET("/api/v1/layout", { params: { query } })) as Layout;
}

/** What the website answers to a path: its own page, a redirect, that the path is gone, or that nothing is known of it. */
export type PathAnswer =
  | { outcome: "present"; status: 200; item: Schemas["ResolvedItem"] }
  | { outcome: "redirect"; status: 301 | 302 | 307 | 308; location: string; item: Schemas["ResolvedItem"] | null }
  | { outcome: "gone"; status: 410 }
  | { outcome: "unknown"; status: 404 };

/**
 * Where a path of the website leads, with its query: what the website answers where it has no page itself.
 * `location` is a path of the website or a URL, as it can stand in a header. Each call counts as a use of a redirect.
 */
export async function resolvePath(
  client: Plenary,
  path: string,
  query: Omit<NonNullable<paths["/api/v1/redirects/resolve"]["get"]["parameters"]["query"]>, "path"> = {},
): Promise<PathAnswer> {
  const answer = await client.GET("/api/v1/redirects/resolve", { params: { query: { ...query, path } } });
  if (answer.response.status === 404) return { outcome: "unknown", status: 404 };
  const { outcome, status, location, item } = data(answer) as Schemas["PathResolution"];
  if (outcome === "redirect") return { outcome, status, location, item } as PathAnswer;
  return (outcome === "present" ? { outcome, status, item } : { outcome, status }) as PathAnswer;
}

/** All pages of a list, one after the other: neither skipped nor repeated, whatever is written meanwhile. */
export async function* pages<C extends Collection, const I extends Include<C> = never, const F extends FieldPath<C> = never>(
  client: Plenary,
  collection: C,
  query: ListQuery<C, I, F> = {} as ListQuery<C, I, F>,
): AsyncGenerator<Omit<Page<C>, "data"> & { data: Answer<C, I, F>[] }, void, undefined> {
  let cursor: string | null | undefined;
  do {
    const asked = { ...query, ...(cursor ? { cursor } : {}) };
    const answer = await (client.GET as AnyGet)(`/api/v1/${collection}`, { params: { query: asked } });
    const page = data(answer) as Page<C>;
    yield page as unknown as Omit<Page<C>, "data"> & { data: Answer<C, I, F>[] };
    cursor = page.page.next;
  } while (cursor);
}

/** All items of a list. */
export async function* items<C extends Collection, const I extends Include<C> = never, const F extends FieldPath<C> = never>(
  client: Plenary,
  collection: C,
  query: ListQuery<C, I, F> = {} as ListQuery<C, I, F>,
): AsyncGenerator<Answer<C, I, F>, void, undefined> {
  for await (const page of pages(client, collection, query)) yield* page.data;
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

/**
 * Takes in what changes, as it happens, until the function that it gives is called. The token that {@link sync} gave
 * says from where on; the connection comes back by itself after the network failed, and misses nothing. Where there is no
 * `EventSource`, as in Node.js before version 22, {@link eventStream} takes its place. `reset` is called, and
 * the listening over, when the server's history went back: the copy is to be made anew.
 */
export function listen(
  baseUrl: string,
  take: (changes: Change[], next: string) => void,
  since?: string,
  make: (url: string) => EventSourceLike = defaultSource,
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

/** The source of events of the platform, or our own where it has none. */
function defaultSource(url: string): EventSourceLike {
  return typeof EventSource === "function" ? (new EventSource(url) as unknown as EventSourceLike) : eventStream(url);
}

/** The address of a calendar to subscribe to, of any query of events. */
export function calendarUrl(baseUrl: string, query: Record<string, string> = {}): string {
  const url = new URL(`${baseUrl.replace(/\/+$/, "")}/api/v1/events.ics`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href.replace(/^http/, "webcal");
}
