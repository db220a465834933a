/** Types of answers to requests with `fields`, which follow the fields that are asked for. */
import type { WholeOf } from "./strict.js";

/** The first name of a path: `speakers` of `speakers.speaker.name`. */
type Head<F> = F extends `${infer H}.${string}` ? H : F;
/** What follows a name in the paths that begin with it. */
type Tail<F, K> = F extends `${K & string}.${infer Rest}` ? Rest : never;

/** The schema of the whole item that a related one is, or the type itself. */
type Whole<V> = [WholeOf<V>] extends [never] ? V : WholeOf<V>;

/** A value with the fields alone that the paths `F` name. A path to an object or a list of objects goes on in each of them. */
export type Picked<V, F> = V extends readonly (infer E)[] ? Picked<E, F>[] : V extends object ? Chosen<Whole<V>, F> : V;
/** The fields of an object that the paths `F` name: the whole of those whose own name is among them, a part of others. */
type Chosen<V, F> = {
  [K in keyof V as K extends Head<F> ? K : never]-?: K extends F
    ? Exclude<V[K], undefined>
    : Picked<Exclude<V[K], undefined>, Tail<F, K>>;
};

/** The entry of a list, or the value itself. */
type Element<V> = NonNullable<V> extends readonly (infer E)[] ? E : NonNullable<V>;
type Related = { id: string; slug: string };
/** The fields of items that `fields` cannot name: those of other requests, and those whose parts are shown together. */
type Unnamed = "trashed_at";
type Undivided = "alternates" | "custom" | "fallbacks" | "table_of_contents";
type Names<V> = Exclude<keyof Whole<V> & string, Unnamed | "sessions">;
/** The paths below a value: the fields of an object or of a related item, and those of related items in an object. */
type Below<V> = V extends Related
  ? Names<V>
  : V extends object
    ? { [K in keyof V & string]: K | (Element<V[K]> extends Related ? `${K}.${Names<Element<V[K]>>}` : never) }[keyof V & string]
    : never;
/** The paths that `fields` can name in an item. */
export type PathOf<T> = {
  [K in Exclude<keyof T & string, Unnamed>]: K | (K extends Undivided ? never : `${K}.${Below<Element<T[K]>>}`);
}[Exclude<keyof T & string, Unnamed>];
