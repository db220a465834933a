// The page of an event.
import { data, type Schemas } from "@plenary/client";
import { field } from "../edit";
import { baseUrl, type Html, href, html, type Language, type Page, plenary, rich, say, span, text } from "../site";

type Event = Schemas["Event"];

export async function eventPage(language: Language, slug: string): Promise<Page> {
  const path = { id_or_slug: slug };
  const include = ["type", "venue", "speakers", "partners", "topics", "sessions", "related"] as const;
  const event = data(await plenary(language).GET("/api/v1/events/{id_or_slug}", { params: { path, query: { include: [...include] } } }));
  const own = `${baseUrl}/api/v1/events/${encodeURIComponent(event.slug)}`;
  const jsonLd = structured(event);
  const type = event.type ? text(event.type.name) : "";
  const body = html`<article>
    <p class="kicker">${text(event.kicker) ? html`<span ${field("events", event, "kicker")}>${text(event.kicker)}</span>` : type}</p>
    <h1>${type && text(event.kicker) ? `${type} — ` : ""}<span ${field("events", event, "title")}>${text(event.title)}</span></h1>
    <p class="meta"><time datetime="${event.starts_at ?? ""}">${span(language, event)}</time></p>
    ${event.event_status === "cancelled" && html`<p class="status">${say(language, "cancelled")}</p>`}
    ${event.event_status === "postponed" && html`<p class="status">${say(language, "postponed")}</p>`}
    ${text(event.summary) && html`<p><strong ${field("events", event, "summary")}>${text(event.summary)}</strong></p>`}
    ${contents(language, event)}
    ${text(event.body) && html`<div ${field("events", event, "body")}>${rich(event.body)}</div>`}
    <p><a href="${`${own}/calendar.ics?locale=${language}`}">${say(language, "calendar")}</a>
      ${event.online_url && html` · <a href="${event.online_url}">${say(language, "online")}</a>`}
      ${event.registration?.url && html` · <a href="${event.registration.url}">${say(language, "register")}</a>`}
      ${event.registration?.invitation_only && html` · ${say(language, "byInvitation")}`}</p>
    ${programme(language, event)} ${speakers(language, event)} ${venue(language, event)} ${documents(language, event)}
    ${partners(language, event)} ${related(language, event)} ${contact(language, event)}
  </article>`;
  return { title: text(event.title), body, description: text(event.summary) || event.excerpt || undefined, jsonLd };
}

/** Returns what search engines read of an event (schema.org); `…/json-ld` of the API has more, at the cost of a request. */
function structured(event: Event) {
  const party = (name: unknown) => ({ "@type": "Organization", name });
  return {
    "@context": "https://schema.org",
    "@type": "Event",
    name: event.title,
    description: event.summary ?? undefined,
    startDate: event.starts_at ?? undefined,
    endDate: event.ends_at ?? undefined,
    location: event.venue ? { "@type": "Place", name: event.venue.name } : undefined,
    organizer: event.partners.filter((tie) => tie.role === "organiser").map((tie) => party(tie.partner.name)),
    performer: event.speakers.map((tie) => ({ "@type": "Person", name: tie.speaker.name })),
  };
}

const section = (title: string, content: Html | false): Html | false => content && html`<section><h2>${title}</h2>${content}</section>`;

function contents(language: Language, event: Event): Html | false {
  const headings = event.table_of_contents ?? [];
  const list = html`<ul>${headings.map((heading) => html`<li><a href="#${heading.id}">${heading.text}</a></li>`)}</ul>`;
  return headings.length > 1 && html`<nav aria-label="${say(language, "contents")}">${list}</nav>`;
}

function programme(language: Language, event: Event): Html | false {
  const sessions = event.sessions ?? [];
  const row = (session: Schemas["Session"]) => html`<tr>
    <td>${session.starts_at && new Date(session.starts_at).toLocaleTimeString(language === "en" ? "en-GB" : "nl-BE", { hour: "2-digit", minute: "2-digit", timeZone: session.time_zone ?? event.time_zone ?? "UTC" })}</td>
    <td>${text(session.title)}</td><td>${text(session.room)}</td></tr>`;
  const head = (["time", "session", "room"] as const).map((word) => html`<th scope="col">${say(language, word)}</th>`);
  return section(say(language, "programme"), sessions.length > 0 && html`<table><thead><tr>${head}</tr></thead><tbody>${sessions.map(row)}</tbody></table>`);
}

function speakers(language: Language, event: Event): Html | false {
  const one = (tie: Event["speakers"][number]) => {
    const job = text(tie.speaker.job_title);
    return html`<li><a href="${href(language, "speakers", tie.speaker.slug)}">${text(tie.speaker.name)}</a>
      <span class="meta">${text(tie.affiliation) || job}</span></li>`;
  };
  return section(say(language, "speakers"), event.speakers.length > 0 && html`<ul class="plain">${event.speakers.map(one)}</ul>`);
}

function partners(language: Language, event: Event): Html | false {
  const one = (tie: Event["partners"][number]) => html`<li><a href="${href(language, "partners", tie.partner.slug)}">${text(tie.partner.name)}</a>
    <span class="meta">${text(tie.affiliation) || tie.role}</span></li>`;
  return section(say(language, "partners"), event.partners.length > 0 && html`<ul class="plain">${event.partners.map(one)}</ul>`);
}

function venue(language: Language, event: Event): Html | false {
  const place = event.venue;
  if (!place) return false;
  const address = place.address;
  const line = [text(address?.street), [address?.postal_code, text(address?.city)].filter(Boolean).join(" "), address?.country].filter(Boolean).join(", ");
  return section(say(language, "venue"), html`<p>${text(place.name)}<br />${line}</p>
    ${text(event.accessibility) && html`<p>${say(language, "accessibility")}: ${text(event.accessibility)}</p>`}`);
}

function documents(language: Language, event: Event): Html | false {
  const files = event.documents ?? [];
  return section(say(language, "documents"), files.length > 0 && html`<ul>${files.map((file) => html`<li><a href="${file.url}">${text(file.title) || file.url}</a></li>`)}</ul>`);
}

function related(language: Language, event: Event): Html | false {
  const others = event.related;
  return section(say(language, "related"), others.length > 0 && html`<ul>${others.map((other) => html`<li><a href="${href(language, "events", other.slug)}">${text(other.title)}</a></li>`)}</ul>`);
}

function contact(language: Language, event: Event): Html | false {
  const who = event.contact;
  if (!who) return false;
  return section(text(who.label) || say(language, "contact"), html`<p>${who.name} ${who.email && html`<a href="mailto:${who.email}">${who.email}</a>`}
    ${who.telephone && html`<a href="tel:${who.telephone.replace(/\s/g, "")}">${who.telephone}</a>`}</p>`);
}
