// Looks at pages of the example site in two widths: `see_pages.mjs URL FOLDER {"name": "/path", …}`. Prints what it found.
import { examine, ready, start } from "./browser.mjs";

const [site, folder, paths] = process.argv.slice(2);
const found = { pages: {}, faults: [] };
const { browser, page } = await start(found);
let requests = 0;
page.on("request", (request) => {
  if (new URL(request.url()).pathname.startsWith("/api/v1/")) requests += 1;
});
try {
  for (const [name, path] of Object.entries(JSON.parse(paths))) {
    await page.setViewportSize({ width: 1100, height: 900 });
    requests = 0;
    await page.goto(`${site}${path}`);
    await ready(page);
    const took = requests;
    const scripts = await page.evaluate(() => performance.getEntriesByType("resource").filter((one) => one.name.endsWith("/edit.js")).length);
    // As it is shown.
    found.pages[name] = { text: await page.evaluate(() => document.body.innerText), requests: took, scripts };
    for (const width of [1100, 390]) {
      await page.setViewportSize({ width, height: 900 });
      await examine(page, found, `${name} ${width}`);
      found.pages[name][width] = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      await page.screenshot({ path: `${folder}/${name}-${width}.png`, fullPage: true });
    }
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));
