import node from "@astrojs/node";
import { defineConfig } from "astro/config";

// All pages are built once, except the preview, which a server makes on demand.
export default defineConfig({
  adapter: node({ mode: "standalone" }),
  experimental: { liveContentCollections: true },
});
