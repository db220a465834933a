const input = "openapi.json";
export default {
  fetch: {
    input,
    output: {
      target: "orval/api.ts",
      client: "fetch",
      mode: "single",
      override: { mutator: { path: "with-orval-fetch.ts", name: "send", extension: ".js" } },
    },
  },
  zod: { input: "openapi-delivery.json", output: { target: "orval/schemas.ts", client: "zod", mode: "single" } },
};
