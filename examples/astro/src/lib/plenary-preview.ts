import { createPlenary, item, PlenaryError, type With } from "@plenary/client";
import type { LiveLoader } from "astro/loaders";

/** An event with its people and its programme, as a preview link shows it. */
export type PreviewEvent = With<"events", "speakers" | "venue" | "sessions">;
/** Which event, and the token of the link. */
interface Filter {
  slug: string;
  token: string;
}

/** Reads an event with a preview link at each request, so that an editor sees each change at once. */
export function plenaryPreview(baseUrl: string): LiveLoader<PreviewEvent, Filter> {
  return {
    name: "plenary-preview",
    async loadEntry({ filter: { slug, token } }) {
      const plenary = createPlenary({ baseUrl, preview: token });
      try {
        const data = await item(plenary, "events", slug, { include: ["speakers", "venue", "sessions"] });
        return { id: data.id, data };
      } catch (error) {
        if (error instanceof PlenaryError) return { error };
        throw error;
      }
    },
    async loadCollection() {
      return { error: new Error("A preview link shows one event.") };
    },
  };
}
