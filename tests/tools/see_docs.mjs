// Tries the API documentation out in headless Chromium: `see_docs.mjs URL`. Prints what it found, as JSON.
import { chromium } from "playwright-core";

const [server] = process.argv.slice(2);
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: quiet });
const found = { faults: [], executed: {} };
try {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  // Tests share the machine.
  page.setDefaultTimeout(180_000);
  page.on("pageerror", (error) => found.faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && found.faults.push(message.text()));
  await page.goto(`${server}/docs`);
  await page.waitForSelector(".opblock-tag");
  found.groups = await page.locator(".opblock-tag").evaluateAll((tags) => tags.map((tag) => tag.dataset.tag));
  found.open = await page.locator(".opblock").count();
  await page.click("#operations-tag-Events button");
  for (const id of ["listEvents", "getEvent"]) {
    const operation = page.locator(`#operations-Events-${id}`);
    await operation.locator(".opblock-summary-control").click();
    const answered = page.waitForResponse((response) => response.url().startsWith(`${server}/api/v1/events`));
    await operation.locator("button.execute").click();
    const response = await answered;
    found.executed[id] = { status: response.status(), address: response.url().slice(server.length) };
  }
  // The other document has what editors do, too.
  await page.selectOption("#select", { label: "All operations" });
  await page.waitForSelector("#operations-tag-Editing");
  found.all = await page.locator(".opblock-tag").evaluateAll((tags) => tags.map((tag) => tag.dataset.tag));
} finally {
  await browser.close();
}
console.log(JSON.stringify(found));
