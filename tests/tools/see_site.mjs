// Looks at the example site in headless Chromium: `see_site.mjs URL FOLDER`. Prints what it found, as JSON.
import fs from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [site, folder] = process.argv.slice(2);
const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: quiet });
const found = { pages: {}, faults: [] };
try {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  page.on("pageerror", (error) => found.faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && found.faults.push(message.text()));
  // Pictures of the demo content are at the server's public address, which a test has not; nothing leaves this machine.
  const picture = { contentType: "image/svg+xml", body: '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="9"/>' };
  await page.route((url) => url.pathname.startsWith("/demo/"), (route) => route.fulfill(picture));
  await page.route((url) => url.hostname !== "127.0.0.1", (route) => route.abort());

  const see = async (name) => {
    await page.waitForFunction(() => document.body.dataset.ready === location.href);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    for (const one of violations.filter((v) => ["serious", "critical"].includes(v.impact))) {
      found.faults.push(`${name}: ${one.id}: ${one.help}: ${one.nodes[0]?.html}`);
    }
    const text = await page.evaluate(() => document.body.innerText);
    found.pages[name] = { title: await page.title(), lang: await page.getAttribute("html", "lang"), text };
    await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  };
  let requests = 0;
  page.on("request", (request) => {
    if (new URL(request.url()).pathname.startsWith("/api/v1/")) requests += 1;
  });
  const go = async (path, name) => {
    requests = 0;
    await page.goto(`${site}${path}`);
    await page.waitForFunction(() => document.body.dataset.ready === location.href);
    const took = requests;
    await see(name);
    found.pages[name].requests = took;
  };

  await go("/en", "list");
  await page.click("main .cards h2 a >> nth=0");
  await see("followed");
  await go("/en/events/rivers-without-borders", "event");
  found.pages.event.jsonLd = JSON.parse(await page.textContent("script[type='application/ld+json']"));
  found.pages.event.calendar = await page.getAttribute("a[href*='calendar.ics']", "href");
  found.pages.event.footer = await page.innerText("footer.site");
  found.pages.event.menu = await page.innerText("header nav.menu");
  await page.click("[data-dismiss]");
  await page.waitForSelector(".announcement", { state: "detached" });
  found.pages.event.afterDismissal = await page.locator(".announcement").count();
  await page.click("nav a[hreflang=nl]");
  await see("event-nl");
  await page.goto(`${site}/en/events/rivers-without-borders`);
  await page.waitForFunction(() => document.body.dataset.ready === location.href);
  await page.click("a[href^='/en/speakers/'] >> nth=0");
  await see("speaker");
  await page.goBack();
  await page.waitForFunction(() => document.body.dataset.ready === location.href);
  await page.click("a[href^='/en/partners/'] >> nth=0");
  await see("partner");
  await go("/en", "list-again");
  await page.fill("input[name=q]", "rivr");
  await page.click("form button");
  await see("search");
  found.pages.search.marks = await page.locator("mark").count();
  await page.fill("input[name=q]", "");
  await page.selectOption("select[name=topic]", { index: 1 });
  await page.click("form button");
  await see("filtered");
  found.pages.filtered.webcal = await page.getAttribute("a[href^='webcal']", "href");
  await page.setViewportSize({ width: 390, height: 800 });
  await go("/nl", "phone");
  found.pages.phone.overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  await go("/en/nothing", "missing");
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));
