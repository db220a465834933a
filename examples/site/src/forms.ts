// The forms of visitors: the sign-up to the newsletter and contact. Both solve the proof of work of the server; nothing comes from
// a third party.
import { data, PlenaryError, type Schemas } from "@plenary/client";
import { field } from "./edit";
import { solve } from "./proof";
import { type Html, html, type Language, plenary, say, text } from "./site";

/** A field that people do not see. What programs fill in, the server drops. */
const trap = (language: Language) =>
  html`<p class="unseen" aria-hidden="true"><label>${say(language, "leaveEmpty")} <input name="website" tabindex="-1" autocomplete="off" /></label></p>`;

/** The sign-up. The text of consent is asked for when the visitor comes to the form. */
export function signUp(language: Language, site: Schemas["SiteSettings"]): Html | false {
  const texts = site.newsletter;
  if (!texts) return false;
  return html`<section class="newsletter" aria-labelledby="newsletter-title">
    <h2 id="newsletter-title" ${field("site", site, "newsletter/title")}>${texts.title}</h2>
    ${texts.lead && html`<p ${field("site", site, "newsletter/lead")}>${texts.lead}</p>`}
    <form data-form="newsletter">
      <label>${say(language, "email")} <input type="email" name="email" required autocomplete="email" maxlength="254" /></label>
      <label class="check"><input type="checkbox" name="consent" required /> <span data-consent>${text(texts.consent) || say(language, "consent")}</span></label>
      ${trap(language)}
      <button>${texts.button}</button>
      <p class="answer" role="status"></p>
    </form></section>`;
}

/** The form of contact, as the site has set it up. */
export function contactForm(language: Language, form: Schemas["ContactPage"]): Html {
  const control = (one: Schemas["ContactPageField"]) => {
    const required = one.required ? html`required` : "";
    const limit = one.max_length ? html`maxlength="${one.max_length}"` : "";
    switch (one.type) {
      case "text":
        return html`<label>${one.label} <textarea name="${one.name}" rows="6" ${limit} ${required}></textarea></label>`;
      case "choice":
        return html`<label>${one.label} <select name="${one.name}" ${required}><option value=""></option>
          ${one.options.map((option) => html`<option value="${option.value}">${option.label}</option>`)}</select></label>`;
      case "checkbox":
        return html`<label class="check"><input type="checkbox" name="${one.name}" ${required} /> ${one.label}</label>`;
      default:
        return html`<label>${one.label} <input name="${one.name}" type="${one.type === "email" ? "email" : "text"}" ${limit} ${required} /></label>`;
    }
  };
  return html`<form data-form="contact" data-name="${form.name}">${form.fields.map(control)} ${trap(language)}
    <button>${say(language, "send")}</button><p class="meta">${say(language, "kept")} ${form.keep_days} ${say(language, "days")}.</p>
    <p class="answer" role="status"></p></form>`;
}

/** The versions of the texts of consent that visitors saw. */
const consents = new WeakMap<HTMLFormElement, Schemas["ConsentText"]>();

/** Shows the text to which a subscriber consents. */
export async function prepare(language: Language, form: HTMLFormElement): Promise<void> {
  if (form.dataset.form !== "newsletter" || consents.has(form)) return;
  const consent = data(await plenary(language).GET("/api/v1/newsletter/consent", { params: { query: {} } }));
  consents.set(form, consent);
  form.querySelector("[data-consent]")!.textContent = consent.text;
}

/** Sends a form, and says what became of it. */
export async function send(language: Language, form: HTMLFormElement): Promise<void> {
  const [answer, button] = [form.querySelector<HTMLElement>(".answer")!, form.querySelector("button")!];
  const values = new FormData(form);
  answer.textContent = say(language, "sending");
  button.disabled = true;
  try {
    await (form.dataset.form === "newsletter" ? subscribe(language, form, values) : contact(language, form, values));
    answer.textContent = say(language, form.dataset.form === "newsletter" ? "signedUp" : "sent");
    form.reset();
  } catch (error) {
    const faults = error instanceof PlenaryError ? error.faults.map((fault) => fault.message) : [];
    answer.textContent = [say(language, "notSent"), ...faults].join(" ");
  }
  button.disabled = false;
}

async function subscribe(language: Language, form: HTMLFormElement, values: FormData): Promise<void> {
  await prepare(language, form);
  const body = {
    email: String(values.get("email")),
    website: String(values.get("website")),
    locale: language,
    consent_version: consents.get(form)!.version,
    altcha: await solve(plenary(language)),
  };
  const { response, error } = await plenary(language).POST("/api/v1/newsletter/subscriptions", { body });
  if (!response.ok) throw new PlenaryError(response.status, error as never);
}

async function contact(language: Language, form: HTMLFormElement, values: FormData): Promise<void> {
  const controls = [...form.elements].filter((control) => control instanceof HTMLInputElement || control instanceof HTMLTextAreaElement || control instanceof HTMLSelectElement);
  const filled = controls.filter((control) => control.name !== "website" && (control.value || control.required));
  const fields = filled.map((control) =>
    control instanceof HTMLInputElement && control.type === "checkbox" ? { name: control.name, checked: control.checked } : { name: control.name, value: control.value },
  );
  const body = { fields, website: String(values.get("website")), locale: language, altcha: await solve(plenary(language)) };
  const { response, error } = await plenary(language).POST("/api/v1/contact/{form}", { params: { path: { form: form.dataset.name! } }, body });
  if (!response.ok) throw new PlenaryError(response.status, error as never);
}
