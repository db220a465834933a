// A page of the tree with its blocks, in one request.
import { data, type Schemas } from "@plenary/client";
import { field } from "../edit";
import { type Html, href, html, type Language, type Page, pageHref, plenary, rich, say, span, text } from "../site";

type WebPage = Schemas["WebPage"];
type Near = Pick<Schemas["WebPageRelated"], "id" | "title" | "path" | "slug">;

/** The page at a path. */
export async function pageAtPath(language: Language, path: string[]): Promise<Page> {
  const view = data(await plenary(language).GET("/api/v1/pages/by-path/{path}", { params: { path: { path: path.join("/") } } }));
  return shown(language, view.page, view.breadcrumbs, view.children);
}

/** The page with a slug, to which menus lead where the server does not know the addresses of the website. */
export async function pageOfSlug(language: Language, slug: string): Promise<Page> {
  const query = { include: ["blocks" as const] };
  const page = data(await plenary(language).GET("/api/v1/pages/{id_or_slug}", { params: { path: { id_or_slug: slug }, query } }));
  return shown(language, page, page.parent ? [page.parent] : [], []);
}

function shown(language: Language, page: WebPage, above: Near[], below: Near[]): Page {
  const link = (near: Near) => html`<a href="${pageHref(language, near)}">${near.title}</a>`;
  const body = html`${above.length > 0 && html`<nav aria-label="${say(language, "above")}" class="breadcrumbs">${above.map((near) => html`${link(near)} › `)}</nav>`}
    <article><h1 ${field("pages", page, "title")}>${page.title}</h1>
    ${text(page.summary) && html`<p><strong ${field("pages", page, "summary")}>${text(page.summary)}</strong></p>`}
    ${text(page.body) && html`<div ${field("pages", page, "body")}>${rich(page.body)}</div>`}
    ${(page.blocks ?? []).map((block, index) => blockShown(language, page, block, index))}</article>
    ${below.length > 0 && html`<nav aria-label="${say(language, "below")}"><ul>${below.map((near) => html`<li>${link(near)}</li>`)}</ul></nav>`}`;
  return { title: page.title, body, description: text(page.seo?.description) || text(page.summary) || page.excerpt || undefined };
}

function picture(image: Schemas["Image"]): Html {
  return html`<figure><img src="${image.url}" alt="${text(image.alt)}" loading="lazy" />${text(image.credit) && html`<figcaption class="meta">${text(image.credit)}</figcaption>`}</figure>`;
}

function blockShown(language: Language, page: WebPage, block: Schemas["Block"], index: number): Html {
  const at = (member: string) => field("pages", page, `blocks/${index}/${member}`);
  const heading = "heading" in block && text(block.heading) ? html`<h2 ${at("heading")}>${text(block.heading)}</h2>` : "";
  const caption = "caption" in block && text(block.caption) ? html`<p class="meta" ${at("caption")}>${text(block.caption)}</p>` : "";
  switch (block.type) {
    case "text":
      return html`<section>${heading}<div ${at("body")}>${rich(block.body)}</div></section>`;
    case "quote":
      return html`<blockquote><p ${at("text")}>${text(block.text)}</p><footer class="meta">${block.speaker ? html`<a href="${href(language, "speakers", block.speaker.slug)}">${block.speaker.name}</a>` : text(block.attribution)}</footer></blockquote>`;
    case "image":
      return html`${block.link_url ? html`<a href="${block.link_url}">${picture(block.image)}</a>` : picture(block.image)}${caption}`;
    case "gallery":
      return html`<section>${heading}<div class="cards">${block.images.map(picture)}</div>${caption}</section>`;
    // Players of other companies are opened by the visitor, who then decides about their cookies.
    case "video":
      return html`<p><a href="${videoAddress(block)}" rel="noopener">▶ ${text(block.title)}</a></p>${caption}`;
    case "embed":
      return html`<p><a href="${block.url}" rel="noopener">${text(block.title)}</a></p>`;
    case "call_to_action": {
      const to = block.event ? href(language, "events", block.event.slug) : block.page ? pageHref(language, block.page) : block.url;
      return html`<section>${heading}${text(block.text) && html`<p ${at("text")}>${text(block.text)}</p>`}<p><a class="button" href="${to}">${text(block.label)}</a></p></section>`;
    }
    case "events": {
      const events = block.items ?? [];
      const one = (event: Schemas["EventRelated"]) =>
        html`<li><a href="${href(language, "events", event.slug)}">${event.title}</a> <span class="meta">${event.starts_at && span(language, { ...event, starts_at: event.starts_at })}</span></li>`;
      return html`<section>${heading}${events.length > 0 ? html`<ul>${events.map(one)}</ul>` : html`<p ${at("empty_text")}>${text(block.empty_text)}</p>`}</section>`;
    }
    case "speakers":
    case "partners": {
      const named: { slug: string; name: string }[] = block.type === "speakers" ? block.speakers : block.partners;
      const all = named.length > 0 ? named : (block.items ?? []);
      return html`<section>${heading}<ul class="plain">${all.map((one) => html`<li><a href="${href(language, block.type, one.slug)}">${one.name}</a></li>`)}</ul></section>`;
    }
    case "accordion":
      return html`<section>${heading}${block.entries.map((entry, number) => html`<details><summary>${text(entry.title)}</summary><div ${at(`entries/${number}/body`)}>${rich(entry.body)}</div></details>`)}</section>`;
    case "table": {
      const [first, ...rest] = block.rows as string[][];
      const head = block.has_header && first ? html`<thead><tr>${first.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>` : "";
      const rows = block.has_header ? rest : [first ?? [], ...rest];
      return html`<table>${text(block.caption) && html`<caption>${text(block.caption)}</caption>`}${head}<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table>`;
    }
    case "download":
      return html`<p><a href="${block.document.url}">${text(block.document.title) || block.document.url}</a> <span class="meta">${text(block.description)}</span></p>`;
    default:
      return html``;
  }
}

function videoAddress(block: Schemas["VideoBlock"]): string {
  switch (block.provider) {
    case "youtube": return `https://www.youtube.com/watch?v=${encodeURIComponent(block.video_id)}`;
    case "vimeo": return `https://vimeo.com/${encodeURIComponent(block.video_id)}`;
    case "dailymotion": return `https://www.dailymotion.com/video/${encodeURIComponent(block.video_id)}`;
    default: return block.video_id;
  }
}
