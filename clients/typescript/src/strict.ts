/** Types that are stricter than those of openapi-fetch, and types that follow the parameters of a request. */
import type { FetchResponse, MaybeOptionalInit, Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

/** The types of answers that this client expects; those with `fields` are of a type of their own. */
export type Json =
  | "application/json"
  | "application/ld+json"
  | "application/feed+json"
  | "application/problem+json";

type Method = "get" | "put" | "post" | "delete" | "patch";
/** The paths that have an operation with this method. */
type PathsWith<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, object> ? P : never;
}[keyof paths];
/** The query parameters of an operation. */
type QueryOf<Operation> = Operation extends { parameters: { query?: infer Q } } ? NonNullable<Q> : Record<never, never>;
/** Refuses query parameters that the operation does not know: openapi-fetch takes any. */
type OnlyKnown<Init, Operation> = Init extends { params: { query: infer Given } }
  ? { params: { query: { [K in Exclude<keyof Given, keyof QueryOf<Operation>>]: never } } }
  : unknown;
/** The options of a request, which may be left out if none is required. */
type Options<Init, Needed, Operation> = Record<never, never> extends NonNullable<Needed>
  ? [options?: Init & OnlyKnown<Init, Operation>]
  : [options: Init & OnlyKnown<Init, Operation>];

type StrictMethod<M extends Method> = <P extends PathsWith<M>, Init extends MaybeOptionalInit<paths[P], M>>(
  path: P,
  ...options: Options<Init, MaybeOptionalInit<paths[P], M>, paths[P][M]>
) => Promise<FetchResponse<paths[P][M] & Record<string, unknown>, Init, Json>>;

/** A typed client: `client.GET("/api/v1/events", …)`. */
export interface Plenary {
  GET: StrictMethod<"get">;
  PUT: StrictMethod<"put">;
  POST: StrictMethod<"post">;
  DELETE: StrictMethod<"delete">;
  PATCH: StrictMethod<"patch">;
  use(...middleware: Middleware[]): void;
  eject(...middleware: Middleware[]): void;
}

/** The first names of paths such as `speakers.organisation`. */
type Head<I extends string> = I extends `${infer H}.${string}` ? H : I;
type Schemas = components["schemas"];
/** The schemas of items that other items show. */
type Kinds = { [K in keyof Schemas]: `${K}Related` extends keyof Schemas ? K : never }[keyof Schemas];
/** Whether two types are the same one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** The item that a related one is as a whole. */
export type WholeOf<V> = { [K in Kinds]: Same<V, Schemas[`${K}Related` & keyof Schemas]> extends true ? Schemas[K] : never }[Kinds];
/** The names of the properties that are always there. */
type Needed<V> = { [K in keyof V]-?: Record<never, never> extends Pick<V, K> ? never : K }[keyof V];
/** A related item: the whole one, or what is always shown of it. Children, such as sessions, are whole or not there. */
type Shown<V, Whole extends boolean> = V extends { id: string; slug: string }
  ? V extends { version: number }
    ? Whole extends true ? V : never
    : Whole extends true ? WholeOf<V> : Pick<V, Needed<V>>
  : V;
/** A relation with its items whole, or as references. */
type Relation<V, Whole extends boolean> = V extends readonly (infer E)[]
  ? Relation<E, Whole>[]
  : V extends { id: string; slug: string }
    ? Shown<V, Whole>
    : V extends object
      ? { [K in keyof V]: Shown<V[K], Whole> }
      : V;

/** An item with these relations included, of all that can be. */
export type Including<T, All extends string, I extends string> = {
  [K in keyof T]: K extends Head<All> ? Relation<T[K], K extends Head<I> ? true : false> : T[K];
} & ("sessions" extends Head<I> ? (T extends { sessions?: infer S } ? { sessions: NonNullable<S> } : unknown) : unknown);
