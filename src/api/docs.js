// Starts Swagger UI with this server's OpenAPI documents, prepared for people who try them out.

// The documents; the first one is shown first.
const DOCUMENTS = [
  { name: "For frontends", url: "/api/openapi-delivery.json" },
  { name: "All operations", url: "/api/openapi.json" },
];

// Groups that readers of content rarely need; they follow all others.
const LAST = ["Authentication", "Accounts", "Keys", "Audit", "Operations"];

// Items of the demo content by collection. The documents have one example for all, an event.
const DEMO_SLUGS = {
  "event-types": "policy-dialogue",
  pages: "about",
  partners: "delta-institute",
  series: "river-talks",
  sessions: "opening",
  speakers: "anna-janssens",
  topics: "water",
  venues: "hall-of-the-delta",
};

function prepare(document) {
  for (const [path, operations] of Object.entries(document.paths)) {
    const example = DEMO_SLUGS[path.split("/")[3]];
    if (!example) continue;
    for (const operation of Object.values(operations)) {
      operation.parameters = operation.parameters?.map((parameter) => {
        const shared = document.components.parameters[parameter.$ref?.split("/").pop()] ?? parameter;
        return shared.name === "id_or_slug" ? { ...shared, example } : parameter;
      });
    }
  }
  const rank = (tag) => {
    if (tag.name === "Events") return -1;
    return LAST.indexOf(tag.name) + 1;
  };
  document.tags.sort((one, other) => rank(one) - rank(other));
  return document;
}

// Prepares each document as it is loaded.
const Preparation = () => ({
  statePlugins: {
    spec: { wrapActions: { updateSpec: (update) => (text) => update(JSON.stringify(prepare(JSON.parse(text)))) } },
  },
});

window.onload = () => {
  window.ui = SwaggerUIBundle({
    urls: DOCUMENTS,
    dom_id: "#swagger-ui",
    deepLinking: true,
    // Groups open when they are asked for: the page would otherwise draw some hundred operations first.
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    filter: true,
    tryItOutEnabled: true,
    persistAuthorization: false,
    // The document stays here.
    validatorUrl: "none",
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    plugins: [SwaggerUIBundle.plugins.DownloadUrl, Preparation],
    layout: "StandaloneLayout",
  });
};
