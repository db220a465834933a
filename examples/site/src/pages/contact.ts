// The page with the form of contact.
import { data } from "@plenary/client";
import { contactForm } from "../forms";
import { html, type Language, type Page, plenary } from "../site";

export async function contactPage(language: Language, form: string): Promise<Page> {
  const shown = data(await plenary(language).GET("/api/v1/contact/{form}", { params: { path: { form } } }));
  return { title: shown.title, body: html`<h1>${shown.title}</h1>${contactForm(language, shown)}` };
}
