// The list of events, with filters, search, and a calendar of the same query to subscribe to.
import { calendarUrl, data, type Schemas } from "@plenary/client";
import { baseUrl, Html, href, html, type Language, type Page, plenary, say, span, text } from "../site";

type When = "upcoming" | "past";

export async function listPage(language: Language, query: URLSearchParams): Promise<Page> {
  const [q, topic, type, when, cursor] = ["q", "topic", "type", "when", "cursor"].map((name) => query.get(name) ?? undefined);
  const page = data(
    await plenary(language).GET("/api/v1/events", {
      params: {
        query: {
          limit: 12,
          include: ["type"],
          facets: ["topic", "type"],
          ...(q ? { q, highlights: true } : {}),
          ...(topic ? { topic: [topic] } : {}),
          ...(type ? { type: [type] } : {}),
          ...(when ? { when: when as When } : {}),
          ...(cursor ? { cursor } : {}),
        },
      },
    }),
  );
  const title = say(language, "events");
  const calendar = { ...(topic ? { topic } : {}), ...(type ? { type } : {}), locale: language };
  const next = page.page.next;
  const more = new URLSearchParams(query);
  if (next) more.set("cursor", next);
  const body = html`<h1>${title}</h1>
    <form class="filters" role="search">
      <label>${say(language, "search")} <input type="search" name="q" value="${q ?? ""}" maxlength="200" /></label>
      ${choice(language, "topic", "topic", page.facets?.topic, topic)}
      ${choice(language, "type", "kind", page.facets?.type, type)}
      <label>${say(language, "when")}
        <select name="when">
          <option value="">${say(language, "all")}</option>
          ${(["upcoming", "past"] as const).map((word) => html`<option value="${word}"${when === word ? new Html(" selected") : ""}>${say(language, word)}</option>`)}
        </select></label>
      <button>${say(language, "search")}</button>
    </form>
    <ul class="cards">${page.data.map((event) => card(language, event, page.highlights?.[event.id]))}</ul>
    ${page.data.length === 0 && html`<p>${say(language, "missing")}</p>`}
    ${next && html`<p><a href="${`${href(language)}?${more}`}">${say(language, "more")}</a></p>`}
    <p><a href="${calendarUrl(baseUrl, calendar)}">${say(language, "subscribe")}</a></p>`;
  return { title, body };
}

type Facet = { value: string; label: string; count: number }[];

function choice(language: Language, name: string, word: "topic" | "kind", facet: Facet | undefined, chosen: string | undefined): Html {
  const options = (facet ?? []).map(
    (value) => html`<option value="${value.value}"${chosen === value.value ? new Html(" selected") : ""}>${value.label} (${value.count})</option>`,
  );
  return html`<label>${say(language, word)} <select name="${name}"><option value="">${say(language, "all")}</option>${options}</select></label>`;
}

function card(language: Language, event: Schemas["Event"], highlight: string | undefined): Html {
  const type = event.type ? text(event.type.name) : "";
  // Highlights come from the server: escaped text with <mark>.
  return html`<li><p class="kicker">${type || text(event.kicker)}</p>
    <h2><a href="${href(language, "events", event.slug)}">${text(event.title)}</a></h2>
    <p class="meta">${span(language, event)}</p>
    <p>${highlight ? new Html(highlight) : text(event.summary) || event.excerpt}</p></li>`;
}
