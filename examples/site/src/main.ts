// The mapping from addresses to pages, and what happens on them.
import type { Layout } from "@plenary/client";
import { openEditor, reopenEditor } from "./edit";
import { prepare, send } from "./forms";
import { dismiss, footer, forgetLayouts, header, layoutIn } from "./layout";
import { contactPage } from "./pages/contact";
import { eventPage } from "./pages/event";
import { listPage } from "./pages/list";
import { pageAtPath, pageOfSlug } from "./pages/page";
import { partnerPage } from "./pages/partner";
import { speakerPage } from "./pages/speaker";
import { href, html, type Language, languages, type Page, say } from "./site";

async function pageAt(language: Language, path: string[], query: URLSearchParams): Promise<Page | undefined> {
  const [collection, slug] = path;
  if (!collection || (collection === "events" && !slug)) return listPage(language, query);
  if (collection === "events" && slug) return eventPage(language, slug);
  if (collection === "speakers" && slug) return speakerPage(language, slug);
  if (collection === "partners" && slug) return partnerPage(language, slug);
  if (collection === "contact" && !slug) return contactPage(language, "contact");
  if (collection === "pages" && slug) return pageOfSlug(language, slug);
  return pageAtPath(language, path);
}

const present = (): Language => languages.find((known) => known === document.documentElement.lang) ?? "en";

function frame(language: Language, path: string[], page: Page, layout: Layout | undefined) {
  return html`<a class="skip" href="#content">${say(language, "skip")}</a>
    ${layout && header(language, layout, path)}
    <main id="content" tabindex="-1">${page.body}</main>
    ${layout && footer(language, layout)}`;
}

/** Sets the title, the description and the structured data (schema.org) of a page. */
function describe(page: Page) {
  document.title = page.title;
  document.querySelectorAll("[data-page]").forEach((element) => element.remove());
  const add = (element: HTMLElement) => {
    element.dataset.page = "";
    document.head.append(element);
  };
  if (page.description) add(Object.assign(document.createElement("meta"), { name: "description", content: page.description }));
  if (page.jsonLd) add(Object.assign(document.createElement("script"), { type: "application/ld+json", textContent: JSON.stringify(page.jsonLd) }));
}

async function show(): Promise<void> {
  const [first, ...path] = location.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const language = languages.find((known) => known === first);
  if (!language) return go(href(navigator.language.startsWith("nl") ? "nl" : "en"), true);
  document.documentElement.lang = language;
  const missing = { title: say(language, "missing"), body: html`<h1>${say(language, "missing")}</h1>` };
  // A page takes what it shows and the layout, side by side.
  const without = (error: unknown) => console.warn(error);
  const [found, layout] = await Promise.all([
    pageAt(language, path, new URLSearchParams(location.search)).catch(without),
    layoutIn(language).catch(without),
  ]);
  const page = found ?? missing;
  describe(page);
  document.querySelector("#app")!.innerHTML = frame(language, path, page, layout || undefined).text;
  document.body.dataset.ready = location.href;
}

function go(address: string, replace = false): Promise<void> {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  return show();
}

document.addEventListener("click", (event) => {
  if ((event.target as Element).closest("[data-plenary-edit]")) return void openEditor();
  const closed = (event.target as Element).closest<HTMLElement>("[data-dismiss]")?.dataset.dismiss;
  if (closed) {
    dismiss(closed);
    return void show();
  }
  const link = (event.target as Element).closest<HTMLAnchorElement>("a[href^='/']");
  if (!link || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  void go(link.getAttribute("href")!).then(() => document.querySelector<HTMLElement>("main")?.focus());
});
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  event.preventDefault();
  if (form.dataset.form) return void send(present(), form);
  const query = new URLSearchParams([...new FormData(form)].flatMap(([name, value]) => (value ? [[name, String(value)]] : [])));
  void go(`${location.pathname}?${query}`);
});
document.addEventListener("focusin", (event) => {
  const form = (event.target as Element).closest<HTMLFormElement>("form[data-form]");
  if (form) void prepare(present(), form).catch(console.warn);
});
// What an editor publishes or discards changes what everybody is shown, or what this page shows of it.
for (const step of ["published", "discarded"]) {
  document.addEventListener(`plenary:${step}`, () => {
    forgetLayouts();
    void show();
  });
}
addEventListener("popstate", () => void show());
void show().then(reopenEditor);
