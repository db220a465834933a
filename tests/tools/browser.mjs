// Headless Chromium for the scripts that look at pages: it reaches this machine alone, and collects faults.
import fs from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Opens a browser with one page; `found.faults` gets what went wrong on it. */
export async function start(found, options = {}) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: quiet });
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => found.faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && found.faults.push(message.text()));
  await context.route((url) => url.hostname !== "127.0.0.1", (route) => route.abort());
  // Pictures of the demo content are at the server's public address, which a test has not.
  const picture = { contentType: "image/svg+xml", body: '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="9"/>' };
  await context.route((url) => url.pathname.startsWith("/demo/"), (route) => route.fulfill(picture));
  return { browser, context, page };
}

/** Waits until the site shows the page of the present address. */
export const ready = (page) => page.waitForFunction(() => document.body.dataset.ready === location.href);

/** Adds what axe calls serious or critical to the faults. */
export async function examine(page, found, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const one of violations.filter((v) => ["serious", "critical"].includes(v.impact))) {
    found.faults.push(`${name}: ${one.id}: ${one.help}: ${one.nodes[0]?.html}`);
  }
}
