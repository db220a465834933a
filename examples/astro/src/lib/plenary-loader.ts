import { createPlenary, PlenaryError, sync, type Change } from "@plenary/client";
import type { Loader } from "astro/loaders";
import { z } from "astro/zod";

/** A change that adds or replaces an item of a collection. */
type Upsert<C> = Extract<Change, { operation: "upsert"; collection: C }>;
/** The collections of the server. */
export type Collection = Change["collection"];
/** What an entry of a collection holds. */
export type Entry<C extends Collection> = Upsert<C>["item"];

/**
 * Loads a collection of a Plenary server into Astro's content layer. The first build takes in everything that is public;
 * each later one asks for what changed since, by the token of the changes feed, which Astro keeps with the entries.
 */
export function plenaryLoader<C extends Collection>({ baseUrl, collection }: { baseUrl: string; collection: C }) {
  return {
    name: "plenary",
    schema: z.custom<Entry<C>>((value) => typeof value === "object" && value !== null),
    async load({ store, meta, logger, parseData }) {
      const plenary = createPlenary({ baseUrl });
      const place = `token of ${baseUrl}`;
      let count = 0;
      const take = async (changes: Change[]) => {
        for (const change of changes) {
          if (change.collection !== collection) continue;
          count += 1;
          if (change.operation === "delete") store.delete(change.id);
          else {
            const { id } = change.item;
            store.set({ id, data: await parseData({ id, data: change.item }) });
          }
        }
      };
      const from = async (since?: string) => {
        // Without a token of this server, what is there is from elsewhere.
        if (since === undefined) store.clear();
        meta.set(place, await sync(plenary, take, since));
      };
      try {
        await from(meta.get(place));
      } catch (error) {
        // The history of the server went back, as when a backup is restored.
        if (!(error instanceof PlenaryError && error.kind === "invalid-sync-token")) throw error;
        await from();
      }
      logger.info(`${collection}: ${count} changes, ${store.keys().length} entries`);
    },
  } satisfies Loader;
}
