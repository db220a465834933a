// The editor in the page. A website loads this module from its server of Plenary; an element with `data-plenary-edit` opens the
// editor and one with `data-plenary-close` closes it. Fields are the elements with `data-plenary="events/ID#title"`, and
// `data-plenary-locale` where the language is not that of the page. The session is a cookie that no script can read, and text is
// never parsed as HTML here. Pages hear `plenary:saved` and `plenary:published`, and show a saved text themselves if they call
// `preventDefault()`.
const server = new URL(".", import.meta.url);
const words = {
  en: {
    editor: "Editor", edit: "Edit", close: "Close", cancel: "Cancel", save: "Save", saved: "Saved as a draft.", publish: "Publish…",
    publishing: "Publish", published: "Published.", submit: "Submit for review", submitted: "Submitted for review.", discard: "Discard draft",
    discarded: "Discarded.", logIn: "Log in", logOut: "Log out", ended: "Log in to edit.", ready: "Choose a text to edit it.",
    also: "Also editing:", changed: "Last changed by", nothing: "Nothing on this page waits for publication.", missing: "Not ready:",
    conflict: "Somebody else changed this text", theirs: "The text is now", mine: "Your text", keep: "Keep theirs", replace: "Save mine",
    list: "This cannot be edited in the page.", failed: "The server does not answer.", format: "Format:", keys: "Ctrl+Enter saves, Escape cancels.",
    inline: "Enter saves, Escape cancels.", empty: "(empty)",
  },
  nl: {
    editor: "Bewerken", edit: "Bewerken:", close: "Afsluiten", cancel: "Annuleren", save: "Bewaren", saved: "Bewaard als concept.", publish: "Publiceren…",
    publishing: "Publiceren", published: "Gepubliceerd.", submit: "Ter beoordeling indienen", submitted: "Ter beoordeling ingediend.", discard: "Concept verwerpen",
    discarded: "Verworpen.", logIn: "Aanmelden", logOut: "Afmelden", ended: "Meld u aan om te bewerken.", ready: "Kies een tekst om die te bewerken.",
    also: "Ook aan het bewerken:", changed: "Laatst gewijzigd door", nothing: "Niets op deze pagina wacht op publicatie.", missing: "Nog niet klaar:",
    conflict: "Iemand anders heeft deze tekst gewijzigd", theirs: "De tekst is nu", mine: "Uw tekst", keep: "Die houden", replace: "De mijne bewaren",
    list: "Dit kan niet in de pagina worden bewerkt.", failed: "De server antwoordt niet.", format: "Opmaak:", keys: "Ctrl+Enter bewaart, Escape annuleert.",
    inline: "Enter bewaart, Escape annuleert.", empty: "(leeg)",
  },
};
const language = () => (document.documentElement.lang.startsWith("nl") ? "nl" : "en");
const say = (word) => words[language()][word];
const REMEMBERED = "plenary:open";
const [PRESENCE, RENEWAL, DELAY] = [60_000, 600_000, 100];
let account, ui, opened, observer;
const presences = new Map();

/** Makes an element: its properties, what happens on it, and its children. */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** Asks the server. A response that is no success throws its problem. */
async function ask(method, path, { body, etag } = {}) {
  const headers = { ...(body === undefined ? {} : { "content-type": "application/json" }), ...(etag ? { "if-match": etag } : {}) };
  const asked = { method, headers, credentials: "include", body: body === undefined ? undefined : JSON.stringify(body) };
  const response = await fetch(new URL(`api/v1/${path}`, server), asked).catch(() => undefined);
  if (!response) throw { status: 0, detail: say("failed") };
  const text = await response.text();
  const data = text ? JSON.parse(text) : undefined;
  if (response.ok) return { data, etag: response.headers.get("etag") };
  // Without a session, a draft is asked for in vain (400) before anything else is said.
  const status = data?.errors?.some((one) => one.code === "not_public") ? 401 : response.status;
  if (status === 401) account = undefined;
  throw { ...data, status };
}

// Fields
const parts = (pointer) => pointer.split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
const valueAt = (item, pointer) => parts(pointer).reduce((value, part) => value?.[part], item);
function withValue(item, pointer, value) {
  const [copy, path] = [structuredClone(item), parts(pointer)];
  const last = path.pop();
  const holder = path.reduce((inside, part) => inside?.[part], copy);
  if (!holder) throw { status: 0, detail: say("list") };
  holder[last] = value;
  return copy;
}

/** Reads what an element names. */
function fieldOf(element) {
  const [address, pointer] = (element.dataset.plenary ?? "").split("#");
  const [collection, id] = address.split("/");
  if (!collection || !id || !pointer) return undefined;
  const locale = element.dataset.plenaryLocale ?? document.documentElement.lang;
  const label = element.dataset.plenaryLabel ?? parts(pointer).at(-1).replaceAll("_", " ");
  const path = `${encodeURIComponent(collection)}/${encodeURIComponent(id)}`;
  return { element, path, pointer, label, locale, draft: `${path}?view=draft&locale=${encodeURIComponent(locale)}` };
}
const fields = () => [...document.querySelectorAll("[data-plenary]")].flatMap((element) => fieldOf(element) ?? []);
/** Gives every field a button, which keyboards and screen readers find as well. */
function mark() {
  for (const { element, label } of fields()) {
    if (element.querySelector(":scope > .plenary-button") || element.isContentEditable) continue;
    const name = `${say("edit")} ${label}`;
    element.classList.add("plenary-field");
    element.append(make("button", { type: "button", className: "plenary-button", title: name, ariaLabel: name }, "✎"));
  }
}
function unmark() {
  document.querySelectorAll(".plenary-button").forEach((button) => button.remove());
  document.querySelectorAll(".plenary-field").forEach((element) => element.classList.remove("plenary-field", "plenary-changed"));
}

/** Opens the newest text of a field: within the page if it is one line, otherwise in a dialog. */
async function edit(element) {
  const field = fieldOf(element);
  if (!field || !opened) return;
  await trying(async () => {
    const source = await ask("GET", `${field.draft}&body_format=source`);
    await arrive(field);
    const value = valueAt(source.data, field.pointer) ?? "";
    const isRich = typeof value === "object" && typeof value.source === "string";
    if (typeof value !== "string" && !isRich) return tell(say("list"));
    const save = (text) => write(field, source, text, isRich ? { ...value, source: text } : text);
    const isMarkedUp = isRich || element.querySelector(":scope > :not(.plenary-button)") !== null;
    if (!isMarkedUp && !value.includes("\n")) editInline(field, value, save);
    else editInDialog(field, isRich ? value.source : value, isMarkedUp && (value.format ?? "markdown"), save);
  });
}

function editInline(field, value, save) {
  const { element } = field;
  const before = [...element.childNodes];
  element.replaceChildren(value);
  element.setAttribute("contenteditable", "plaintext-only");
  if (!element.isContentEditable) element.setAttribute("contenteditable", "true");
  const attributes = ["role", "aria-label"].map((name) => [name, element.getAttribute(name)]);
  element.setAttribute("role", "textbox");
  element.setAttribute("aria-label", field.label);
  element.focus();
  getSelection().selectAllChildren(element);
  tell(say("inline"));
  const finish = async (keeps) => {
    if (!element.hasAttribute("contenteditable")) return;
    const text = element.textContent.replaceAll(/\s+/g, " ").trim();
    element.removeAttribute("contenteditable");
    attributes.forEach(([name, kept]) => (kept === null ? element.removeAttribute(name) : element.setAttribute(name, kept)));
    element.removeEventListener("keydown", key);
    element.replaceChildren(...before);
    if (keeps && text !== value) await save(text);
    else tell(say("ready"));
    mark();
    element.querySelector(".plenary-button")?.focus();
  };
  const key = (event) => {
    if (!["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    void finish(event.key === "Enter");
  };
  element.addEventListener("keydown", key);
  element.addEventListener("blur", () => void finish(true), { once: true });
}

/** Opens a text in a dialog; a fault says why an earlier attempt to save it failed. */
function editInDialog(field, value, format, save, fault = "") {
  const area = make("textarea", { value, rows: 16, spellcheck: true, lang: field.locale, ariaLabel: field.label });
  const keep = () => {
    dialog.close();
    if (fault || area.value !== value) void save(area.value);
  };
  const dialog = openDialog(`${say("edit")} ${field.label}`, [
    make("p", { className: "faults", role: "alert" }, fault),
    make("p", { className: "note" }, format ? `${say("format")} ${format}. ${say("keys")}` : say("keys")),
    area,
  ], [[say("save"), keep], [say("cancel"), () => dialog.close()]]);
  area.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && void keep());
  area.focus();
}

/** Saves a value as a working draft, based on the version that was read. Whatever goes wrong, the text is not lost. */
async function write(field, source, text, value) {
  const again = (changed) => write(field, source, changed, value?.format ? { ...value, source: changed } : changed);
  await trying(async () => {
    const body = withValue(source.data, field.pointer, value === "" ? null : value);
    await ask("PUT", `${field.draft}&body_format=source&merge=auto`, { body, etag: source.etag });
    await show(field, text);
    field.element.classList.add("plenary-changed");
    tell(say("saved"));
  }, (problem) => (problem.status === 412 ? conflict(field, text, value) : editInDialog(field, text, value?.format, again, described(problem))));
}

/** Shows a saved text. Rich text is shown as the server renders it, if the browser can insert HTML safely, or as plain text. */
async function show(field, text) {
  const { data } = await ask("GET", field.draft);
  const detail = { ...field, item: data, value: valueAt(data, field.pointer) };
  if (!document.dispatchEvent(new CustomEvent("plenary:saved", { detail, cancelable: true }))) return;
  const { element } = field;
  if (typeof detail.value !== "string" || detail.value === text) element.replaceChildren(text);
  else if (element.setHTML) element.setHTML(detail.value);
  else element.replaceChildren(...text.split(/\n{2,}/).map((paragraph) => make("p", {}, paragraph)));
  mark();
}

/** Shows what somebody else made of a text meanwhile. */
async function conflict(field, text, value) {
  const [source, history] = await Promise.all([
    ask("GET", `${field.draft}&body_format=source`),
    ask("GET", `${field.path}/revisions?limit=1`),
  ]);
  const now = valueAt(source.data, field.pointer);
  const author = history.data.data[0]?.actor?.name;
  const quote = (content) => make("blockquote", { lang: field.locale }, content || say("empty"));
  const dialog = openDialog(say("conflict"), [
    ...(author ? [make("p", { className: "note" }, `${say("changed")} ${author}: ${field.label}`)] : []),
    make("h3", {}, say("theirs")), quote(now?.source ?? now), make("h3", {}, say("mine")), quote(text),
  ], [
    [say("replace"), () => (dialog.close(), write(field, source, text, value))],
    [say("keep"), () => (dialog.close(), trying(() => show(field, now?.source ?? now ?? "")))],
    [say("cancel"), () => dialog.close()],
  ]);
}

// Others, and publication
/** Tells the server who is here, and the editor who else is. */
async function arrive(field) {
  const path = `${field.path}/presence`;
  presences.set(path, presences.get(path) ?? setInterval(() => void trying(() => arrive(field)), PRESENCE));
  const { data } = await ask("PUT", path);
  const others = data.data.filter((one) => one.account.id !== account?.id).map((one) => one.account.name ?? "?");
  ui.others.textContent = others.length > 0 ? `${say("also")} ${others.join(", ")}` : "";
}

/** Shows what waits for publication on this page, with what is missing, and publishes it. */
async function publication() {
  const items = [...new Map(fields().map((field) => [field.path, field])).values()];
  const states = await Promise.all(items.map(async (field) => [field, (await ask("GET", `${field.path}/desk`)).data]));
  const waiting = states.filter(([, state]) => state.working_draft || !state.live);
  const rows = await Promise.all(waiting.map(([field, state]) => waitingItem(field, state)));
  const dialog = openDialog(say("publishing"), rows.length > 0 ? rows : [make("p", {}, say("nothing"))], [[say("close"), () => dialog.close()]]);
}

async function waitingItem(field, state) {
  const [item, history] = await Promise.all([ask("GET", field.draft), ask("GET", `${field.path}/revisions?limit=1`)]);
  const author = history.data.data[0]?.actor?.name;
  const said = [...(author ? [`${say("changed")} ${author}.`] : []), ...(state.missing.length > 0 ? [say("missing")] : [])];
  const [status, faults] = [make("p", { role: "status" }, said.join(" ")), make("ul", { className: "faults" })];
  const list = (violations) => faults.replaceChildren(...violations.map((one) => make("li", {}, `${one.pointer} ${one.message}`)));
  list(state.missing);
  const take = (name, done) => trying(async () => {
    await ask("POST", `${field.path}/${name}`, { etag: state.etag });
    actions.replaceChildren();
    list([]);
    status.textContent = say(done);
    const own = document.querySelectorAll(`[data-plenary^="${field.path}#"]`);
    if (name !== "submit") own.forEach((one) => one.classList.remove("plenary-changed"));
    document.dispatchEvent(new CustomEvent(`plenary:${done}`, { detail: field }));
  }, async (problem) => {
    status.textContent = problem.status === 412 ? say("conflict") : (problem.detail ?? problem.title ?? "");
    list(problem.errors ?? []);
    if (problem.status === 412) state.etag = (await ask("GET", `${field.path}/desk`)).etag;
  });
  const step = (name, word, done) => (state.operations.includes(name) ? [button(say(word), () => void take(name, done), name === "publish" ? "main" : "")] : []);
  const [publish, submit] = [step("publish", "publishing", "published"), step("submit", "submit", "submitted")];
  const actions = make("p", { className: "actions" }, ...(publish.length > 0 ? publish : submit), ...step("discard", "discard", "discarded"));
  return make("section", {}, make("h3", {}, item.data.title ?? item.data.name ?? field.path), status, faults, actions);
}

// The bar and the dialogs
const BAR = `:host { all: initial } * { box-sizing: border-box; font: 16px/1.45 system-ui, sans-serif; color: #1c2430 }
.bar { position: fixed; inset: auto 0 0 0; z-index: 2147483000; display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center;
  padding: .5rem 1rem; background: #fff; border-top: 3px solid #0b5a7a; box-shadow: 0 -2px 12px #0003 }
.bar p { margin: 0 } .bar .status { flex: 1 1 12rem } .others { color: #7a3b00 }
button { padding: .35rem .8rem; border: 1px solid #0b5a7a; border-radius: .3rem; background: #fff; color: #0b5a7a; cursor: pointer }
button.main { background: #0b5a7a; color: #fff } button:disabled { opacity: .5 }
button:focus-visible, textarea:focus-visible { outline: 3px solid #d97a00; outline-offset: 2px }
dialog { width: min(46rem, 94vw); max-height: 90vh; border: 0; border-radius: .5rem; padding: 1.2rem; box-shadow: 0 8px 40px #0006 }
dialog::backdrop { background: #0007 } h2 { font-size: 1.2rem; font-weight: 700; margin: 0 0 .6rem } h3 { font-weight: 700; margin: .8rem 0 .2rem }
textarea { width: 100%; padding: .5rem; border: 1px solid #6a7682; border-radius: .3rem; font: 15px/1.5 ui-monospace, monospace }
blockquote { margin: 0; padding: .5rem .8rem; border-left: 4px solid #6a7682; background: #f3f6f8; white-space: pre-wrap; max-height: 12rem; overflow: auto }
.note { color: #54606e; margin: 0 0 .5rem } .faults, .faults li { color: #8a1c10; margin: .3rem 0; padding-left: .6rem } .actions { display: flex; gap: .6rem; flex-wrap: wrap; margin: .8rem 0 0 }`;
const MARKS = `.plenary-field { outline: 2px dashed #0b5a7a; outline-offset: 3px; cursor: text }
.plenary-field[contenteditable] { outline: 3px solid #d97a00; background: #fffbe6; color: #1c2430; min-width: 4ch }
.plenary-changed { outline-color: #b45f00; outline-style: solid }
.plenary-button { all: initial; display: inline-block; margin-inline-start: .4ch; padding: 0 .4rem; border-radius: .3rem; background: #0b5a7a; color: #fff;
  font: 15px/1.6 system-ui, sans-serif; cursor: pointer; vertical-align: middle } .plenary-button:focus-visible { outline: 3px solid #d97a00 }
html.plenary-open { scroll-padding-bottom: 5rem } html.plenary-open body { padding-bottom: 5rem }`;
const [barSheet, markSheet] = [new CSSStyleSheet(), new CSSStyleSheet()];
barSheet.replaceSync(BAR);
markSheet.replaceSync(MARKS);
const tell = (text) => ui && (ui.status.textContent = text);
const button = (text, click, className = "") => make("button", { type: "button", className, click }, text);

/** Opens a dialog with a title, a content and actions, of which the first is the usual one. */
function openDialog(title, content, actions) {
  const heading = make("h2", { id: "title" }, title);
  const buttons = actions.map(([text, act], index) => button(text, () => void act(), index === 0 && actions.length > 1 ? "main" : ""));
  const dialog = make("dialog", { "aria-labelledby": "title", close: () => dialog.remove() }, heading, ...content, make("p", { className: "actions" }, ...buttons));
  ui.root.append(dialog);
  dialog.showModal();
  return dialog;
}

function described(problem) {
  const faults = (problem.errors ?? []).map((one) => `${one.pointer}: ${one.message}`);
  return [problem.detail ?? problem.title ?? `${problem.status}`, ...faults].join(" ");
}

/** Does something, and tells what went wrong, or lets `recover` deal with it. Without a session it waits for a log-in. */
async function trying(task, recover = (problem) => tell(described(problem))) {
  try {
    return await task();
  } catch (problem) {
    if (problem.status === undefined) throw problem;
    if (problem.status !== 401) return trying(() => recover(problem));
    return logIn(async () => {
      await begin();
      if (task !== enter && account) await trying(task, recover);
    });
  }
}

function showBar() {
  const host = make("div", { id: "plenary-editor" });
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [barSheet];
  const [status, others] = [make("p", { className: "status", role: "status" }), make("p", { className: "others", role: "status" })];
  const actions = make("p", { className: "actions" });
  root.append(make("section", { className: "bar", ariaLabel: say("editor"), lang: language() }, status, others, actions));
  document.body.append(host);
  return { host, root, status, others, actions };
}

/** Opens the log-in page of the server in a window of its own: the password never reaches the page. It tries again when that window
 * is closed, and whenever somebody comes back to this one: the page of a provider may part the two. */
function logIn(next) {
  unmark();
  tell(say("ended"));
  const address = new URL(`edit/log-in?return_to=${encodeURIComponent(location.href)}`, server);
  const waiting = opened;
  let timer;
  const again = () => {
    clearInterval(timer);
    removeEventListener("focus", again);
    if (opened === waiting) void next();
  };
  addEventListener("focus", again);
  ui.actions.replaceChildren(button(say("logIn"), () => {
    const child = window.open(address, "plenary-log-in", "popup,width=420,height=560");
    clearInterval(timer);
    timer = setInterval(() => child?.closed && again(), 300);
    // Where windows are blocked, a link opens the page.
    if (!child) ui.actions.prepend(make("a", { href: address.href, target: "_blank" }, say("logIn")));
  }, "main"), button(say("close"), close));
}

const begin = () => trying(enter);
async function enter() {
  account = (await ask("GET", "auth/me")).data;
  tell(say("ready"));
  ui.actions.replaceChildren(
    button(say("publish"), () => void trying(publication), "main"),
    button(say("logOut"), () => void trying(() => ask("DELETE", "auth/cookie")).then(close)),
    button(say("close"), close),
  );
  mark();
}

/** Opens the editor. */
export async function open() {
  if (opened) return;
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, markSheet];
  document.documentElement.classList.add("plenary-open");
  sessionStorage.setItem(REMEMBERED, "1");
  ui = showBar();
  opened = { renewal: setInterval(() => account && void trying(() => ask("POST", "auth/cookie/renew")), RENEWAL) };
  // Sites without page loads replace their content.
  observer = new MutationObserver(() => {
    clearTimeout(opened?.timer);
    if (opened) opened.timer = setTimeout(() => account && mark(), DELAY);
  });
  observer.observe(document.body, { childList: true, subtree: true });
  await begin();
}

/** Closes the editor; what was saved stays a draft. */
export function close() {
  if (!opened) return;
  clearInterval(opened.renewal);
  clearTimeout(opened.timer);
  opened = undefined;
  observer.disconnect();
  for (const [path, timer] of presences) {
    clearInterval(timer);
    if (account) ask("DELETE", path).catch(() => undefined);
  }
  presences.clear();
  unmark();
  ui.host.remove();
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== markSheet);
  document.documentElement.classList.remove("plenary-open");
  sessionStorage.removeItem(REMEMBERED);
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : undefined;
  if (target?.closest("[data-plenary-edit]")) return void open();
  if (target?.closest("[data-plenary-close]")) return close();
  const element = opened && account && target?.closest("[data-plenary]");
  if (!element || element.isContentEditable) return;
  // A link in a field is edited and not followed.
  event.preventDefault();
  event.stopPropagation();
  void edit(element);
}, { capture: true });
if (sessionStorage.getItem(REMEMBERED)) void open();
