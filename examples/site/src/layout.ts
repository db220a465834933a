// What all pages have in common: the header with the main menu, announcements, and the footer. One request has it all.
import { layout as read, type Layout, type Schemas } from "@plenary/client";
import { editButtons, field } from "./edit";
import { signUp } from "./forms";
import { type Html, href, html, type Language, languages, pageHref, plenary, rich, say, text } from "./site";

const layouts = new Map<Language, Promise<Layout>>();

/** Returns the layout in a language, which is asked for once. */
export function layoutIn(language: Language): Promise<Layout> {
  const known = layouts.get(language) ?? read(plenary(language));
  layouts.set(language, known);
  return known;
}

/** Forgets the layouts, after something was published. */
export const forgetLayouts = (): void => layouts.clear();

type Link = Pick<Schemas["LayoutLink"], "label" | "url" | "target">;
type Entry = Link & { children?: Entry[] };

/** Returns where a link leads on this site: to the page of an item, to a path in the language, or to another site. */
function address(language: Language, { url, target }: Link): string | null {
  if (target && ["events", "speakers", "partners"].includes(target.collection)) return href(language, target.collection, target.slug);
  if (target?.collection === "pages") return url?.startsWith(location.origin) ? url.slice(location.origin.length) : pageHref(language, target);
  if (target?.collection === "topics") return `${href(language)}?topic=${encodeURIComponent(target.slug)}`;
  return url?.startsWith("/") ? `${href(language)}${url === "/" ? "" : url}` : url;
}

function link(language: Language, entry: Link): Html {
  const to = address(language, entry);
  return to ? html`<a href="${to}">${entry.label}</a>` : html`<span>${entry.label}</span>`;
}

function entries(language: Language, list: readonly Entry[]): Html {
  const one = (entry: Entry) =>
    html`<li>${link(language, entry)}${entry.children?.length ? entries(language, entry.children) : ""}</li>`;
  return html`<ul>${list.map(one)}</ul>`;
}

function menu(language: Language, layout: Layout, name: string): Html | false {
  const found = layout.menus[name];
  return found !== undefined && html`<nav class="menu" aria-label="${found.title}">${entries(language, found.entries)}</nav>`;
}

const isDismissed = (id: string) => sessionStorage.getItem(`dismissed:${id}`) !== null;
export const dismiss = (id: string) => sessionStorage.setItem(`dismissed:${id}`, "");

function announcements(language: Language, layout: Layout): Html {
  const shown = layout.announcements.filter((one) => one.place === "banner" && !isDismissed(one.id));
  const one = (announcement: Schemas["LayoutAnnouncement"]) => html`<section class="announcement ${announcement.severity}" aria-label="${announcement.title}">
    <div><p><strong>${announcement.title}</strong> ${announcement.link && link(language, announcement.link)}</p>${rich(announcement.text)}</div>
    ${announcement.dismissible && html`<button type="button" data-dismiss="${announcement.id}">${say(language, "close")}</button>`}</section>`;
  return html`${shown.map(one)}`;
}

export function header(language: Language, layout: Layout, path: string[]): Html {
  const others = languages.map((other) =>
    other === language
      ? html`<span aria-current="true" lang="${other}">${other.toUpperCase()}</span> `
      : html`<a href="${href(other, ...path)}" hreflang="${other}" lang="${other}">${other.toUpperCase()}</a> `,
  );
  const telephone = layout.site.telephones[0];
  return html`<header class="site"><p><a href="${href(language)}" ${field("site", layout.site, "name")}>${layout.site.name}</a></p>
    ${menu(language, layout, "main")}
    ${telephone && html`<a href="tel:${telephone.number}">${telephone.label || telephone.text}</a>`}
    <nav aria-label="${say(language, "language")}">${others}</nav></header>
    ${announcements(language, layout)}`;
}

/** The pages that a site has for legal reasons. */
function legalPages(language: Language, layout: Layout): Html | false {
  const pages = layout.legal_pages;
  return pages.length > 0 && html`<nav class="menu" aria-label="${say(language, "legal")}"><ul>${pages.map((page) => html`<li>${link(language, page)}</li>`)}</ul></nav>`;
}

export function footer(language: Language, layout: Layout): Html {
  const { site } = layout;
  const years = site.copyright?.first_year && site.copyright.first_year < (site.current_year ?? 0)
    ? `${site.copyright.first_year}–${site.current_year}`
    : site.current_year;
  return html`<footer class="site">
    ${signUp(language, site)}
    ${site.addresses.map((address, index) => html`<p ${field("site", site, `addresses/${index}/text`)}>${address.text}</p>`)}
    ${site.telephones.map((telephone) => html`<p>${say(language, "telephone")} <a href="tel:${telephone.number}">${telephone.text}</a>${telephone.hours && ` (${telephone.hours})`}</p>`)}
    ${site.registration_numbers.map((entry) => html`<p class="meta">${entry.label} ${entry.number}</p>`)}
    ${legalPages(language, layout)}
    ${menu(language, layout, "footer")}
    ${site.social_links.length > 0 && html`<ul class="plain">${site.social_links.map((one) => html`<li><a href="${one.url}" rel="me">${one.title ?? one.url}</a></li>`)}</ul>`}
    ${site.copyright && html`<p>© ${years}, <span ${field("site", site, "copyright/holder")}>${text(site.copyright.holder)}</span></p>`}
    ${editButtons(language)}
  </footer>`;
}
