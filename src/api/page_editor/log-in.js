// The log-in page of the editor in the page. It begins a session of a browser, whose cookie belongs to this server, and closes
// its window, or leads back to the page of the website. The password is never in the website's page.
//
// The OpenID provider sends the browser back to this page. That is a navigation from another site, so no strict cookie comes
// with it; the page itself then finishes the log-in with a request of its own origin. What it began is in the storage of its
// window, so a log-in that was begun elsewhere is not finished here.
const words = {
  en: {
    title: "Log in", email: "E-mail address", password: "Password", code: "Code of your second factor", submit: "Log in",
    provider: "Log in with", or: "or", done: "You are logged in. You can close this window.", back: "Back to the page",
    failed: "The server does not answer.", foreign: "This log-in was not begun in this window. Please try again.",
    refused: "The provider did not log you in.",
  },
  nl: {
    title: "Aanmelden", email: "E-mailadres", password: "Wachtwoord", code: "Code van uw tweede factor", submit: "Aanmelden",
    provider: "Aanmelden met", or: "of", done: "U bent aangemeld. U kunt dit venster sluiten.", back: "Terug naar de pagina",
    failed: "De server antwoordt niet.", foreign: "Deze aanmelding is niet in dit venster begonnen. Probeer het opnieuw.",
    refused: "De aanbieder heeft u niet aangemeld.",
  },
};
const language = navigator.language.startsWith("nl") ? "nl" : "en";
const said = words[language];
document.documentElement.lang = language;
document.title = said.title;

const make = (name, properties, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};
const input = (name, type, autocomplete, required) => make("input", { name, type, autocomplete, required });
const email = input("email", "email", "username", true);
const password = input("password", "password", "current-password", true);
const code = input("code", "text", "one-time-code", false);
const codeLabel = make("label", { hidden: true }, said.code, code);
const fault = make("p", { role: "alert" });
const submit = make("button", { type: "submit" }, said.submit);
const form = make("form", {}, make("label", {}, said.email, email), make("label", {}, said.password, password), codeLabel, submit);
const main = document.querySelector("main");

// What the window began before it went to the provider.
const KEPT = "plenary:log-in";
const asked = new URLSearchParams(location.search);
const isBack = asked.has("state") || asked.has("error");
const kept = isBack ? JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") : {};
sessionStorage.removeItem(KEPT);
let { returnTo = asked.get("return_to"), isPopup = window.opener !== null } = kept;
// The code is good once, and needs no place in the history.
history.replaceState(null, "", location.pathname + (returnTo ? `?return_to=${encodeURIComponent(returnTo)}` : ""));

/** Asks the server. A response that is no success throws its problem. */
async function ask(path, body) {
  const sent = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(`../${path}`, body && sent);
  const data = await response.json();
  if (!response.ok) throw data;
  return data;
}

/** Does something; a button is not pressed twice meanwhile. Returns whether it went well. */
async function trying(task, button) {
  fault.textContent = "";
  if (button) button.disabled = true;
  const isDone = await task().then(() => true, (problem) => {
    fault.textContent = problem.detail ?? said.failed;
    return false;
  });
  if (button) button.disabled = false;
  return isDone;
}

/** Says that the log-in is done, and closes the window, or leads back where it was not opened by a page. */
function done() {
  const back = returnTo ? [make("p", {}, make("a", { href: returnTo }, said.back))] : [];
  main.replaceChildren(make("p", { role: "status" }, said.done), ...back);
  if (isPopup) window.close();
  else if (returnTo) location.replace(returnTo);
}

async function logIn() {
  const body = { email: email.value, password: password.value, ...(code.value ? { code: code.value } : {}) };
  try {
    await ask("api/v1/auth/cookie", body);
  } catch (problem) {
    if (!problem.type?.endsWith("/second-factor-required")) throw problem;
    codeLabel.hidden = false;
    code.required = true;
    return code.focus();
  }
  done();
}

async function goToProvider(redirectUri) {
  const { authorization_url: address, state } = await ask("api/v1/auth/oidc/begin", { redirect_uri: redirectUri });
  sessionStorage.setItem(KEPT, JSON.stringify({ state, returnTo, isPopup }));
  location.assign(address);
}

/** Finishes what the provider sent back. */
async function finish() {
  // A refusal should have the state too (RFC 6749, section 4.1.2.1), but not every provider does so.
  if (asked.has("error") && !asked.has("state")) throw { detail: said.refused };
  if (!kept.state || kept.state !== asked.get("state")) throw { detail: said.foreign };
  if (asked.has("error")) throw { detail: `${said.refused} (${asked.get("error_description") ?? asked.get("error")})` };
  await ask("api/v1/auth/cookie/oidc", { code: asked.get("code") ?? "", state: kept.state });
  done();
}

/** Returns what the server says of this page; an address to which it does not lead back is forgotten. */
async function settings() {
  const path = "edit/log-in.json";
  if (!returnTo) return ask(path);
  try {
    return await ask(`${path}?return_to=${encodeURIComponent(returnTo)}`);
  } catch {
    return ask(path);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void trying(logIn, submit);
});

async function show() {
  const { provider, return_to: allowed } = await settings();
  returnTo = allowed;
  if (isBack && (await trying(finish))) return;
  const choice = [];
  if (provider) {
    const button = make("button", { type: "button", className: "provider" }, `${said.provider} ${provider.name}`);
    button.addEventListener("click", () => void trying(() => goToProvider(provider.redirect_uri), button));
    choice.push(button, make("p", { className: "or" }, said.or));
  }
  main.replaceChildren(make("h1", {}, said.title), fault, ...choice, form);
  email.focus();
}
show().catch(() => main.replaceChildren(make("p", { role: "alert" }, said.failed)));
