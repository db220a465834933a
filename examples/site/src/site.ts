// Shared by all pages: the client, the languages, and HTML templates that escape their values.
import { createPlenary, type Plenary } from "@plenary/client";

export const baseUrl: string = import.meta.env.VITE_PLENARY_URL ?? "http://127.0.0.1:8080";
export const languages = ["en", "nl"] as const;
export type Language = (typeof languages)[number];

export const plenary = (language: Language): Plenary => createPlenary({ baseUrl, locale: language });

const words = {
  en: {
    events: "Events", search: "Search", topic: "Topic", kind: "Type", when: "When", all: "All", upcoming: "Upcoming", past: "Past",
    speakers: "Speakers", partners: "Partners", programme: "Programme", venue: "Venue", documents: "Documents", related: "See also",
    register: "Register", calendar: "Add to your calendar", subscribe: "Subscribe to this calendar", more: "More events", found: "events found",
    contents: "On this page", minutes: "min read", organisedBy: "Organised by", contact: "Contact", cancelled: "This event was cancelled.",
    postponed: "This event was postponed.", missing: "There is nothing here.", online: "Attend online", skip: "To the content", language: "Language",
    byInvitation: "By invitation only", accessibility: "Accessibility", time: "Time", session: "Session", room: "Room", at: "at", close: "Close", telephone: "Tel.:",
    edit: "edit", stopEditing: "close", email: "E-mail address", leaveEmpty: "Leave this empty", send: "Send", sending: "One moment …",
    signedUp: "Thank you. We have sent you a mail with a link; follow it to confirm.", sent: "Thank you. Your message has been sent.",
    notSent: "This could not be sent.", kept: "Your message is kept for", days: "days", above: "Above this page", below: "Below this page",
    legal: "Legal", consent: "I want to receive the newsletter.",
  },
  nl: {
    events: "Evenementen", search: "Zoeken", topic: "Thema", kind: "Soort", when: "Wanneer", all: "Alle", upcoming: "Komend", past: "Voorbij",
    speakers: "Sprekers", partners: "Partners", programme: "Programma", venue: "Locatie", documents: "Documenten", related: "Zie ook",
    register: "Inschrijven", calendar: "In uw agenda", subscribe: "Abonneer u op deze agenda", more: "Meer evenementen", found: "evenementen gevonden",
    contents: "Op deze pagina", minutes: "min lezen", organisedBy: "Georganiseerd door", contact: "Contact", cancelled: "Dit evenement is geannuleerd.",
    postponed: "Dit evenement is uitgesteld.", missing: "Hier is niets.", online: "Online bijwonen", skip: "Naar de inhoud", language: "Taal",
    byInvitation: "Alleen op uitnodiging", accessibility: "Toegankelijkheid", time: "Tijd", session: "Sessie", room: "Zaal", at: "bij", close: "Sluiten", telephone: "Tel.:",
    edit: "bewerken", stopEditing: "afsluiten", email: "E-mailadres", leaveEmpty: "Laat dit leeg", send: "Versturen", sending: "Een ogenblik …",
    signedUp: "Dank u. We hebben u een mail met een link gestuurd; volg die om te bevestigen.", sent: "Dank u. Uw bericht is verstuurd.",
    notSent: "Dit kon niet worden verstuurd.", kept: "Uw bericht wordt bewaard gedurende", days: "dagen", above: "Boven deze pagina", below: "Onder deze pagina",
    legal: "Juridisch", consent: "Ik wil de nieuwsbrief ontvangen.",
  },
} satisfies Record<Language, Record<string, string>>;
export type Word = keyof (typeof words)["en"];
export const say = (language: Language, word: Word): string => words[language][word];

/** HTML that is safe to insert: made here, or sanitised by the server. */
export class Html {
  constructor(readonly text: string) {}
}
type Part = Html | string | number | null | undefined | false | Part[];

const escape = (text: string) =>
  text.replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c] ?? c);
const written = (part: Part): string => {
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(written).join("");
  return part === null || part === undefined || part === false ? "" : escape(String(part));
};

/** Renders a template whose values are escaped unless they are HTML. */
export const html = (strings: TemplateStringsArray, ...parts: Part[]): Html =>
  new Html(strings.reduce((out, string, index) => out + string + (index < parts.length ? written(parts[index]) : ""), ""));

/** Renders the attributes of an element. */
export const attributes = (values: object): Html =>
  new Html(Object.entries(values).map(([name, value]) => `${name}="${escape(String(value))}"`).join(" "));

/** Wraps rich text that the server has sanitised. */
export const rich = (text: unknown): Html => new Html(typeof text === "string" ? text : "");

/** Returns a localised value in the requested language. */
export const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Formats the time of an event in the given language and in the time zone of the event. */
export function span(language: Language, item: { starts_at: string | null; ends_at?: string | null; time_zone?: string | null; all_day?: boolean; date_precision?: string | null }): string {
  if (!item.starts_at) return "";
  const byDays = item.all_day || (item.date_precision ?? "time") !== "time";
  const format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : "nl-BE", {
    weekday: "long", day: "2-digit", month: "long", year: "numeric",
    ...(byDays ? {} : { hour: "2-digit", minute: "2-digit" }),
    timeZone: item.time_zone ?? "UTC",
  });
  const starts = new Date(item.starts_at);
  // A day ends at the midnight after it.
  const ends = item.ends_at ? new Date(new Date(item.ends_at).getTime() - (byDays ? 1 : 0)) : null;
  return ends && ends > starts ? format.formatRange(starts, ends) : format.format(starts);
}

/** Returns an address within the site. */
export const href = (language: Language, ...path: string[]): string => `/${[language, ...path.map(encodeURIComponent)].join("/")}`;

/** Returns the address of a page of the tree: by its path where that is known, otherwise by its slug. */
export const pageHref = (language: Language, page: { slug: string; path?: string | null }): string =>
  page.path ? href(language, ...page.path.split("/")) : href(language, "pages", page.slug);

/** A page: its title, its content, and its metadata for machines. */
export interface Page {
  title: string;
  body: Html;
  description?: string;
  jsonLd?: unknown;
}
