// Looks at the example site in headless Chromium: `see_site.mjs URL FOLDER`. Prints what it found, as JSON.
import { examine, ready, start } from "./browser.mjs";

const [site, folder] = process.argv.slice(2);
const found = { pages: {}, faults: [] };
const { browser, page } = await start(found);
try {
  const see = async (name) => {
    await ready(page);
    await examine(page, found, name);
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
    await ready(page);
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
  await ready(page);
  await page.click("a[href^='/en/speakers/'] >> nth=0");
  await see("speaker");
  await page.goBack();
  await ready(page);
  await page.click("a[href^='/en/partners/'] >> nth=0");
  await see("partner");
  await go("/en", "list-again");
  await page.fill("input[name=q]", "rivr");
  await page.click("form.filters button");
  await see("search");
  found.pages.search.marks = await page.locator("mark").count();
  await page.fill("input[name=q]", "");
  await page.selectOption("select[name=topic]", { index: 1 });
  await page.click("form.filters button");
  await see("filtered");
  found.pages.filtered.webcal = await page.getAttribute("a[href^='webcal']", "href");
  await go("/en/about", "about");
  await go("/nl/over-ons", "about-nl");
  await go("/en/privacy", "privacy");
  await go("/en/contact", "contact");
  await page.fill("main input[name=email]", "anna@example.net");
  await page.selectOption("main select", "press");
  await page.fill("main textarea", "Is the lecture open?");
  await page.check("main input[type=checkbox]");
  await page.click("main form button");
  await page.waitForFunction(() => /^(Thank|This could)/.test(document.querySelector("main .answer").textContent), undefined, { timeout: 60_000 });
  found.pages.contact.answer = await page.innerText("main .answer");
  await go("/en", "newsletter");
  await page.fill("footer input[name=email]", "anna@example.net");
  await page.check("footer input[name=consent]");
  await page.click("footer form button");
  await page.waitForFunction(() => /^(Thank|This could)/.test(document.querySelector("footer .answer").textContent), undefined, { timeout: 60_000 });
  found.pages.newsletter.answer = await page.innerText("footer .answer");
  await page.setViewportSize({ width: 390, height: 800 });
  await go("/nl", "phone");
  found.pages.phone.overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  const before = found.faults.length;
  await go("/en/nothing", "missing");
  // The browser tells of the 404 of the API, which is right here.
  found.faults.push(...found.faults.splice(before).filter((fault) => !fault.includes("404")));
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));
