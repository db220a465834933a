// The log-in page of the editor in the page. It begins a session of a browser, whose cookie belongs to this server, and closes
// its window. The password is never in the website's page.
const words = {
  en: {
    title: "Log in", email: "E-mail address", password: "Password", code: "Code of your second factor", submit: "Log in",
    done: "You are logged in. You can close this window.", failed: "The server does not answer.",
  },
  nl: {
    title: "Aanmelden", email: "E-mailadres", password: "Wachtwoord", code: "Code van uw tweede factor", submit: "Aanmelden",
    done: "U bent aangemeld. U kunt dit venster sluiten.", failed: "De server antwoordt niet.",
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
const form = make("form", {}, make("label", {}, said.email, email), make("label", {}, said.password, password), codeLabel, fault, submit);

async function logIn() {
  const body = { email: email.value, password: password.value, ...(code.value ? { code: code.value } : {}) };
  const headers = { "content-type": "application/json" };
  const response = await fetch("../api/v1/auth/cookie", { method: "POST", headers, body: JSON.stringify(body) });
  if (response.ok) {
    document.querySelector("main").replaceChildren(make("p", { role: "status" }, said.done));
    window.close();
    return;
  }
  const problem = await response.json();
  const needsCode = problem.type.endsWith("/second-factor-required");
  if (needsCode) {
    codeLabel.hidden = false;
    code.required = true;
    code.focus();
  }
  fault.textContent = needsCode ? "" : problem.detail;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  submit.disabled = true;
  await logIn().catch(() => (fault.textContent = said.failed));
  submit.disabled = false;
});
document.querySelector("main").replaceChildren(make("h1", {}, said.title), form);
email.focus();
