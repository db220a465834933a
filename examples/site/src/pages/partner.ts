// The page of a partner, with its address, its register numbers and its events.
import { data } from "@plenary/client";
import { field } from "../edit";
import { href, html, type Language, type Page, plenary, rich, say, span, text } from "../site";

export async function partnerPage(language: Language, slug: string): Promise<Page> {
  const client = plenary(language);
  const path = { id_or_slug: slug };
  const partner = data(await client.GET("/api/v1/partners/{id_or_slug}", { params: { path } }));
  const events = data(await client.GET("/api/v1/events", { params: { query: { partner: [partner.id], limit: 50 } } }));
  const name = text(partner.name);
  const address = partner.address;
  const place = [text(address?.street), [address?.postal_code, text(address?.city)].filter(Boolean).join(" "), address?.country].filter(Boolean);
  const body = html`<h1 ${field("partners", partner, "name")}>${name}</h1>
    ${partner.url && html`<p><a href="${partner.url}">${partner.url}</a></p>`}
    ${text(partner.description) && html`<div ${field("partners", partner, "description")}>${rich(partner.description)}</div>`}
    ${place.length > 0 && html`<p>${place.join(", ")}</p>`}
    ${partner.contact?.telephone && html`<p><a href="tel:${partner.contact.telephone.replace(/\s/g, "")}">${partner.contact.telephone}</a></p>`}
    ${(partner.register_numbers ?? []).map((entry) => html`<p class="meta">${text(entry.label)} ${entry.number}</p>`)}
    <section><h2>${say(language, "events")}</h2>
      <ul>${events.data.map((event) => html`<li><a href="${href(language, "events", event.slug)}">${text(event.title)}</a> <span class="meta">${span(language, event)}</span></li>`)}</ul></section>`;
  return { title: name, body, description: partner.excerpt ?? undefined };
}
