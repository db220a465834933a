// Logs in to the editor in headless Chromium, at an OpenID provider of another site and with a second factor:
// `edit_log_in.mjs URL FOLDER {"api", "path", "email", "password", "secret"}`. Prints what it found, as JSON.
import { createHmac } from "node:crypto";
import { examine, ready, start } from "./browser.mjs";

const [site, folder, given] = process.argv.slice(2);
const { api, path, email, password, secret } = JSON.parse(given);
const found = { faults: [] };
const { browser, context, page } = await start(found, { locale: "en-GB" });
page.setDefaultTimeout(15_000);
// The provider is at this name, which is another site for the browser than 127.0.0.1.
await context.route((url) => url.hostname === "localhost", (route) => route.continue());

/** The code of a second factor (RFC 6238) at this time. */
function code() {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replaceAll("=", "")].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac("sha1", key).update(counter).digest();
  return String((hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

const status = page.locator("#plenary-editor .bar .status");
const says = (text) => page.waitForFunction((expected) => document.querySelector("#plenary-editor")?.shadowRoot.querySelector(".status").textContent.includes(expected), text);
const alert = async (window) => {
  await window.waitForFunction(() => document.querySelector("[role=alert]")?.textContent);
  return window.innerText("[role=alert]");
};
const session = async () => (await context.cookies(api)).find((cookie) => cookie.name === "plenary");
async function authorize(window, name) {
  await window.fill("input[name=sub]", name);
  await window.click("button:has-text('Authorize')");
}

try {
  await page.goto(`${site}${path}`);
  await ready(page);
  const before = found.faults.length;
  await page.click("[data-plenary-edit]");
  await says("Log in");
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.click("#plenary-editor button:has-text('Log in')")]);
  await popup.waitForSelector("button.provider");
  found.offer = await popup.innerText("button.provider");
  await examine(popup, found, "log-in");
  await popup.screenshot({ path: `${folder}/log-in-provider.png` });
  await popup.click("button.provider");
  await popup.waitForSelector("input[name=sub]");

  // Somebody says no at the provider, and somebody has no account.
  await popup.click("button:has-text('Deny')");
  found.denied = await alert(popup);
  found.deniedAddress = popup.url();
  await popup.click("button.provider");
  await authorize(popup, "stranger");
  found.unknown = await alert(popup);
  await popup.screenshot({ path: `${folder}/log-in-refused.png` });
  await popup.click("button.provider");
  await popup.waitForSelector("input[name=sub]");
  await Promise.all([popup.waitForEvent("close"), authorize(popup, "anna")]);
  await says("Choose a text");
  found.status = await status.innerText();
  const { name, sameSite, httpOnly, domain } = await session();
  found.session = { name, sameSite, httpOnly, domain };
  await page.click("#plenary-editor button:has-text('Log out')");
  await page.waitForSelector("#plenary-editor", { state: "detached" });

  // The log-in page by itself leads back to the page of the website, and to no other one.
  const alone = await context.newPage();
  await alone.goto(`${api}/edit/log-in?return_to=${encodeURIComponent(site + path)}`);
  await alone.click("button.provider");
  const sent = alone.waitForRequest((request) => request.url().startsWith(`${api}/edit/log-in?code`));
  await authorize(alone, "anna");
  const back = (await sent).url();
  await alone.waitForURL(`${site}${path}`);
  found.returned = alone.url();
  await alone.goto(back);
  found.replayed = await alert(alone);
  found.stored = await alone.evaluate(() => Object.entries(sessionStorage));
  await context.clearCookies({ name: "plenary" });
  await alone.goto(`${api}/edit/log-in?code=x&state=y&return_to=${encodeURIComponent("https://evil.example.com/")}`);
  found.forged = await alert(alone);
  found.forgedAddress = alone.url();
  await alone.goto(`${api}/edit/log-in?return_to=${encodeURIComponent("https://evil.example.com/")}`);
  await alone.click("button.provider");
  await authorize(alone, "anna");
  await alone.waitForSelector("[role=status]");
  await alone.waitForTimeout(300);
  found.notLedAway = [await alone.innerText("[role=status]"), await alone.locator("a").count(), alone.url()];

  // A password still needs its second factor.
  await context.clearCookies({ name: "plenary" });
  await alone.goto(`${api}/edit/log-in?return_to=${encodeURIComponent(site + path)}`);
  await alone.fill("input[name=email]", email);
  await alone.fill("input[name=password]", password);
  const shown = () => alone.locator("input[name=code]").isVisible();
  found.secondFactor = [await shown()];
  await alone.click("button[type=submit]");
  await alone.locator("input[name=code]").waitFor();
  found.secondFactor.push((await session()) === undefined);
  await alone.fill("input[name=code]", code());
  await alone.click("button[type=submit]");
  await alone.waitForURL(`${site}${path}`);
  found.secondFactor.push(alone.url());
  found.faults.push(...found.faults.splice(before).filter((fault) => !/40[13]/.test(fault)));
} catch (error) {
  found.faults.push(String(error));
  for (const [index, window] of context.pages().entries()) {
    found.faults.push(`${window.url()}: ${await window.innerText("body").catch(String)}`);
    await window.screenshot({ path: `${folder}/log-in-failed-${index}.png` }).catch(() => undefined);
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));
