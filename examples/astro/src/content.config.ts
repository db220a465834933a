import { defineCollection } from "astro:content";
import { baseUrl } from "./lib/server";
import { plenaryLoader } from "./lib/plenary-loader";

export const collections = {
  events: defineCollection({ loader: plenaryLoader({ baseUrl, collection: "events" }) }),
  sessions: defineCollection({ loader: plenaryLoader({ baseUrl, collection: "sessions" }) }),
};
