// Reads a calendar, or the linked data of an event, with other people's readers: `read_feeds.mjs WHAT FILE`,
// to be run where these are installed. Prints what they understood, as JSON.
import fs from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [what, file] = process.argv.slice(2);
const text = fs.readFileSync(file, "utf8");
const installed = createRequire(`${process.cwd()}/`);
const load = async (name) => (await import(pathToFileURL(installed.resolve(name)))).default;

async function calendar() {
  const ICAL = await load("ical.js");
  const whole = new ICAL.Component(ICAL.parse(text));
  whole.getAllSubcomponents("vtimezone").forEach((zone) => ICAL.TimezoneService.register(zone));
  return whole.getAllSubcomponents("vevent").map((part) => {
    const event = new ICAL.Event(part);
    const moment = (time) => (time.isDate ? time.toString() : time.toJSDate().toISOString());
    return { uid: event.uid, summary: event.summary, starts: moment(event.startDate), zone: event.startDate.zone.tzid };
  });
}

/** Its statements, in the vocabulary of schema.org, without asking schema.org for it. */
async function statements() {
  const jsonld = await load("jsonld");
  const context = { "@vocab": "https://schema.org/" };
  const documentLoader = async (url) => ({ documentUrl: url, contextUrl: null, document: { "@context": context } });
  const quads = await jsonld.toRDF(JSON.parse(text), { documentLoader });
  return quads.map((quad) => [quad.subject.value, quad.predicate.value, quad.object.value]);
}

console.log(JSON.stringify(await { calendar, statements }[what]()));
