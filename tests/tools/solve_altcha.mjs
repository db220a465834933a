// Uses the form of docs/newsletter.md in headless Chromium, with the official ALTCHA widget: `solve_altcha.mjs FORM ADDRESS`, where
// FORM is a file with the HTML. Prints what was sent and the status of each response, as JSON.
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [file, address] = process.argv.slice(2);
const widget = createRequire(import.meta.url).resolve("altcha");
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
// The page of the website is on another origin than the API.
const html = `<!doctype html><html lang="en"><title>Form</title>${fs.readFileSync(file, "utf8")}</html>`;
const script = fs.readFileSync(widget.replace(/\.umd\.cjs$/, ".js"), "utf8");
const website = http.createServer(({ url }, response) => {
  const isScript = url === "/altcha.js";
  response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" }).end(isScript ? script : html);
});
await new Promise((ready) => website.listen(0, "127.0.0.1", ready));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: quiet });
const found = { faults: [], hosts: [] };
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => found.faults.push(String(error)));
  page.on("console", (message) => message.type() === "error" && found.faults.push(message.text()));
  page.on("request", (request) => {
    const { host, protocol } = new URL(request.url());
    if (protocol !== "blob:" && protocol !== "data:" && !found.hosts.includes(host)) found.hosts.push(host);
  });
  await page.goto(`http://127.0.0.1:${website.address().port}/`);
  await page.fill("input[name=email]", address);
  // The widget begins with the first field, and a person takes longer than the server wants.
  await page.waitForFunction(() => document.querySelector("[name=altcha]")?.value, null, { timeout: 60_000 });
  await page.waitForTimeout(2_500);
  await page.check("#subscribe input[name=consent]");
  const isSignUp = (response) => response.url().endsWith("/newsletter/subscriptions") && response.request().method() === "POST";
  const sent = page.waitForResponse(isSignUp);
  await page.click("button");
  const response = await sent;
  found.status = response.status();
  found.body = response.request().postDataJSON();
  await page.waitForSelector("#subscribe output:not(:empty)");
  found.said = await page.innerText("#subscribe output");
} finally {
  await browser.close();
  website.close();
}
console.log(JSON.stringify(found));
