// The page of a speaker, with their events.
import { data } from "@plenary/client";
import { field } from "../edit";
import { href, html, type Language, type Page, plenary, rich, say, span, text } from "../site";

export async function speakerPage(language: Language, slug: string): Promise<Page> {
  const client = plenary(language);
  const path = { id_or_slug: slug };
  const speaker = data(await client.GET("/api/v1/speakers/{id_or_slug}", { params: { path } }));
  const events = data(await client.GET("/api/v1/events", { params: { query: { speaker: [speaker.id], limit: 50 } } }));
  const name = [text(speaker.honorific), speaker.name].filter(Boolean).join(" ");
  const role = [text(speaker.job_title), text(speaker.affiliation)].filter(Boolean).join(", ");
  const body = html`<h1>${text(speaker.honorific)} <span ${field("speakers", speaker, "name")}>${speaker.name}</span></h1>
    <p class="meta">${role}</p>
    ${speaker.portrait?.url && html`<img src="${speaker.portrait.url}" alt="${text(speaker.portrait.alt) || name}" loading="lazy" />`}
    ${text(speaker.biography) && html`<div ${field("speakers", speaker, "biography")}>${rich(speaker.biography)}</div>`}
    <section><h2>${say(language, "events")}</h2>
      <ul>${events.data.map((event) => html`<li><a href="${href(language, "events", event.slug)}">${text(event.title)}</a> <span class="meta">${span(language, event)}</span></li>`)}</ul></section>`;
  return { title: name, body, description: speaker.excerpt ?? undefined };
}
