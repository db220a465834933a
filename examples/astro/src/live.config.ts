import { defineLiveCollection } from "astro:content";
import { plenaryPreview } from "./lib/plenary-preview";
import { baseUrl } from "./lib/server";

export const collections = { preview: defineLiveCollection({ loader: plenaryPreview(baseUrl) }) };
