// Edits the pages of the example site in headless Chromium: `edit_page.mjs URL FOLDER {"api", "email", "password", "token",
// "other", "path", "event", "draftTopic"}`. Prints what it found, as JSON.
import fs from "node:fs";
import { examine, ready, start } from "./browser.mjs";

const [site, folder, given] = process.argv.slice(2);
const { api, email, password, token, other, path, event, draftTopic } = JSON.parse(given);
const found = { faults: [], said: {} };
const { browser, context, page } = await start(found, { locale: "en-GB" });
page.setDefaultTimeout(15_000);

/** A request of somebody else, with a token. */
async function ask(method, address, body, bearer = token) {
  const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
  const read = await fetch(`${api}/api/v1/${address}`, { headers });
  if (method === "GET") return read.json();
  const response = await fetch(`${api}/api/v1/${address}`, { method, headers: { ...headers, "if-match": read.headers.get("etag") ?? "" }, body: body && JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${address}: ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}
const publicTitle = async () => (await (await fetch(`${api}/api/v1/events/${event}`)).json()).title;
const draft = (locale = "en") => ask("GET", `events/${event}?view=draft&body_format=source&locale=${locale}`);

const status = page.locator("#plenary-editor .bar .status");
const says = (text) => page.waitForFunction((expected) => document.querySelector("#plenary-editor")?.shadowRoot.querySelector(".status").textContent.includes(expected), text);
const dialog = page.locator("#plenary-editor dialog");
const picture = (name) => page.screenshot({ path: `${folder}/${name}.png` });
async function logIn() {
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.click("#plenary-editor button:has-text('Log in')")]);
  await popup.waitForSelector("form");
  await examine(popup, found, "log-in");
  await popup.screenshot({ path: `${folder}/log-in.png` });
  await popup.fill("input[name=email]", email);
  await popup.fill("input[name=password]", password);
  await Promise.all([popup.waitForEvent("close"), popup.click("button")]);
}
/** Opens a field by the keyboard. */
async function open(selector) {
  await page.focus(`${selector} .plenary-button`);
  await page.keyboard.press("Enter");
}
const title = `[data-plenary="events/${event}#title"]`;
const body = `[data-plenary="events/${event}#body"]`;
const type = async (text) => {
  await page.waitForSelector(`${title}[contenteditable]`);
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
};

try {
  await page.goto(`${site}${path}`);
  await ready(page);
  // 401 is how the editor learns that nobody is logged in; the browser tells of it.
  const before = found.faults.length;
  await page.click("[data-plenary-edit]");
  await says("Log in");
  await picture("edit-logged-out");
  await logIn();
  await says("Choose a text");
  found.faults.push(...found.faults.splice(before).filter((fault) => !fault.includes("401")));
  await examine(page, found, "editing");
  await picture("edit-open");
  found.marks = await page.locator(".plenary-button").count();
  found.unnamed = await page.locator(".plenary-button:not([aria-label])").count();
  found.stored = await page.evaluate(() => [Object.entries(localStorage), Object.entries(sessionStorage), document.cookie]);

  // One line, in its place.
  found.before = await publicTitle();
  await open(title);
  await type("A title from the page");
  await says("Saved as a draft");
  found.said.saved = await status.innerText();
  found.shown = await page.locator(title).evaluate((element) => element.firstChild.textContent);
  found.after = [await publicTitle(), (await draft()).title];
  // What is not wanted leaves no trace.
  await open(title);
  await page.waitForSelector(`${title}[contenteditable]`);
  await page.keyboard.type("Not this");
  await page.keyboard.press("Escape");
  await says("Choose a text");
  found.cancelled = [(await draft()).title, await page.locator(title).evaluate((element) => element.firstChild.textContent)];

  // Rich text, in a dialog.
  await open(body);
  await dialog.waitFor();
  await examine(page, found, "dialog");
  await picture("edit-rich-text");
  found.source = await dialog.locator("textarea").inputValue();
  await dialog.locator("textarea").fill("New **words** <script>alert(1)</script>\n\nAnd more.");
  await page.keyboard.press("Control+Enter");
  await says("Saved as a draft");
  found.rich = [(await draft()).body, await page.locator(body).innerText(), await page.locator(`${body} script`).count()];

  // Somebody else is here, and writes meanwhile.
  await fetch(`${api}/api/v1/events/${event}/presence`, { method: "PUT", headers: { authorization: `Bearer ${other}` } });
  await open(title);
  await page.waitForSelector(`${title}[contenteditable]`);
  found.others = await page.innerText("#plenary-editor .others");
  await ask("PATCH", `events/${event}?view=draft`, { title: "A title of somebody else" }, other);
  await type("My own title");
  await dialog.waitFor();
  found.conflict = await dialog.innerText();
  await examine(page, found, "conflict");
  await picture("edit-conflict");
  found.faults.push(...found.faults.splice(before).filter((fault) => !fault.includes("412")));
  await dialog.locator("button", { hasText: "Save mine" }).click();
  await says("Saved as a draft");
  found.resolved = (await draft()).title;

  // The session ends while somebody writes: nothing is lost.
  await open(title);
  await page.waitForSelector(`${title}[contenteditable]`);
  await context.clearCookies({ name: /plenary$/ });
  await type("Written without a session");
  await says("Log in");
  await logIn();
  await says("Saved as a draft");
  found.kept = (await draft()).title;
  await context.clearCookies({ name: /plenary$/ });
  await open(body);
  await says("Log in");
  await logIn();
  await dialog.locator("textarea").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  found.faults.push(...found.faults.splice(before).filter((fault) => !/401|400/.test(fault)));

  // Publication tells what is missing, and then publishes.
  await ask("PATCH", `events/${event}?view=draft`, { topics: [draftTopic] });
  await page.click("#plenary-editor button:has-text('Publish')");
  await dialog.locator("li").first().waitFor();
  found.missing = await dialog.innerText();
  await examine(page, found, "publication");
  await picture("edit-publish");
  await dialog.locator("section", { hasText: "Written without a session" }).locator("button", { hasText: /^Publish$/ }).click();
  await dialog.locator("section p", { hasText: "rules" }).waitFor();
  found.refused = await dialog.innerText();
  found.faults.push(...found.faults.splice(before).filter((fault) => !fault.includes("422")));
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await ask("PATCH", `events/${event}?view=draft`, { topics: [] });
  await page.click("#plenary-editor button:has-text('Publish')");
  await dialog.locator("section", { hasText: "Written without a session" }).locator("button", { hasText: /^Publish$/ }).click();
  await dialog.locator("section p", { hasText: "Published." }).waitFor();
  await page.keyboard.press("Escape");
  found.published = await publicTitle();
  await page.locator("h1", { hasText: "Written without a session" }).waitFor();

  // In Dutch, and on a telephone; the settings of the site as well.
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`${site}${path.replace("/en/", "/nl/")}`);
  await says("Kies een tekst");
  await examine(page, found, "dutch");
  await picture("edit-phone");
  await open(title);
  await type("Een titel uit de pagina");
  await says("Bewaard als concept");
  found.dutch = [(await draft("nl")).title, (await draft("en")).title];
  await open(`footer [data-plenary$="#newsletter/title"]`);
  await page.waitForSelector(`footer [contenteditable]`);
  await page.keyboard.type("Nieuws voor u");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("footer .plenary-changed"));
  found.site = (await ask("GET", "site?view=draft&locale=nl")).newsletter.title;
  await page.click("#plenary-editor button:has-text('Afsluiten')");
  await page.waitForSelector("#plenary-editor", { state: "detached" });
  found.closed = [await page.locator(".plenary-button").count(), await page.evaluate(() => sessionStorage.length)];

  // A page of another make: plain HTML under Trusted Types, which allow no HTML from a text at all.
  const policy = `default-src 'none'; script-src ${api}; img-src data:; connect-src ${api}; require-trusted-types-for 'script'; trusted-types 'none'`;
  fs.writeFileSync("site/dist/plain.html", `<!doctype html><html lang="en"><meta http-equiv="Content-Security-Policy" content="${policy}">
    <title>Plain</title><link rel="icon" href="data:,"><main><h1 data-plenary="events/${event}#title">Plain</h1>
    <div data-plenary="events/${event}#body"><p>Plain</p></div><button data-plenary-edit>edit</button></main>
    <script type="module" src="${api}/edit.js"></script></html>`);
  await page.goto(`${site}/plain.html`);
  await page.click("[data-plenary-edit]");
  await says("Choose a text");
  await open("h1");
  await page.waitForSelector("h1[contenteditable]");
  await page.keyboard.type("From a plain page");
  await page.keyboard.press("Enter");
  await says("Saved as a draft");
  await open("div");
  await dialog.locator("textarea").fill("Plain *words*.");
  await dialog.locator("button", { hasText: "Save" }).click();
  await page.locator("main div", { hasText: "words" }).waitFor();
  found.plain = [(await draft()).title, (await draft()).body];
} catch (error) {
  found.faults.push(String(error), await page.evaluate(() => document.querySelector("#plenary-editor")?.shadowRoot.querySelector(".status").textContent ?? ""));
  await picture("edit-failed");
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));
