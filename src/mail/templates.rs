//! Templates of mails: for each kind and language a text with the subject in its first line, and the same in HTML. Values
//! are escaped in HTML, and a name that a template does not have is an error.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::Value;

use crate::content::Site;
use crate::mail::message::one_line;
use crate::mail::outbox::MailKind;
use crate::mail::samples;

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailContent {
    /// Subject, one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML, if there is any.
    pub html: Option<String>,
}

/// Language of the templates that stand in for those of a language that has none.
const LAST_LOCALE: &str = "en";
/// The word before the subject in a template.
const SUBJECT: &str = "Subject:";
/// Name of the templates of the blocks of the newsletter, without their endings.
const BLOCKS: &str = "newsletter_blocks";
/// Greatest size of a template, in bytes.
const MOST_BYTES: u64 = 262_144;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("templates/", $name)))),*] };
}

/// The built-in templates, by the names of their files.
const BUILT_IN: &[(&str, &str)] = built_in![
    "layout.html",
    "newsletter_blocks.html",
    "newsletter_blocks.text",
    "invitation.en.txt",
    "invitation.en.html",
    "invitation.nl.txt",
    "invitation.nl.html",
    "password_reset.en.txt",
    "password_reset.en.html",
    "password_reset.nl.txt",
    "password_reset.nl.html",
    "test.en.txt",
    "test.en.html",
    "test.nl.txt",
    "test.nl.html",
    "newsletter_confirmation.en.txt",
    "newsletter_confirmation.en.html",
    "newsletter_confirmation.nl.txt",
    "newsletter_confirmation.nl.html",
    "contact_answer.en.txt",
    "contact_answer.nl.txt",
    "contact_message.en.txt",
    "contact_message.en.html",
    "contact_message.nl.txt",
    "contact_message.nl.html",
    "newsletter_issue.en.txt",
    "newsletter_issue.en.html",
    "newsletter_issue.nl.txt",
    "newsletter_issue.nl.html",
];

/// The templates of a site.
pub struct MailTemplates {
    environment: Environment<'static>,
    site: Site,
}

impl MailTemplates {
    /// Reads the built-in templates, and those of a folder that replace them. The site says which language stands in for another.
    ///
    /// # Errors
    /// Returns a message that names the file that cannot be read or understood, has another name than templates have, or uses a
    /// name that no mail of its kind has.
    pub fn new(folder: &str, site: Site) -> Result<Self, String> {
        let mut sources: BTreeMap<String, String> =
            BUILT_IN.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect();
        if !folder.is_empty() {
            sources.extend(of_folder(Path::new(folder))?);
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        for (name, source) in sources {
            let is_subject_first = !name.ends_with(".txt") || source.starts_with(SUBJECT);
            if !is_subject_first {
                return Err(format!("mail.templates: {name}: the first line must be \"{SUBJECT} …\""));
            }
            let added = environment.add_template_owned(name.clone(), source);
            added.map_err(|error| format!("mail.templates: {name}: {error}"))?;
        }
        let made = Self { environment, site };
        // The built-in ones are tried by a test.
        if !folder.is_empty() {
            made.try_all().map_err(|fault| format!("mail.templates: {fault}"))?;
        }
        Ok(made)
    }

    /// Renders each template with sample values, so that a wrong one stops the start and not a mail. One that only others
    /// include is tried with them.
    fn try_all(&self) -> Result<(), String> {
        for (name, _) in self.environment.templates() {
            let (stem, _) = name.rsplit_once('.').unwrap_or_default();
            let kind = stem.split_once('.').and_then(|(kind, locale)| Some((MailKind::from_name(kind)?, locale)));
            let trials = match kind {
                Some((kind, locale)) => samples::trials(kind, locale),
                None if stem == BLOCKS => samples::block_trials(),
                None => Vec::new(),
            };
            for values in trials {
                self.render_part(name, &values)?;
            }
        }
        Ok(())
    }

    /// Renders the mail of a kind in a language, or the nearest one that has a template.
    ///
    /// # Errors
    /// Returns a message that names the template and what is wrong.
    pub fn render(&self, kind: MailKind, locale: &str, values: &Value) -> Result<MailContent, String> {
        let base = self.template_name(kind, locale);
        let rendered = |ending: &str| -> Result<Option<String>, String> {
            let name = format!("{base}.{ending}");
            let Ok(template) = self.environment.get_template(&name) else { return Ok(None) };
            let context = minijinja::Value::from(Serde(values));
            template.render(context).map(Some).map_err(|error| format!("{name}: {error:#}"))
        };
        let whole = rendered("txt")?.ok_or_else(|| format!("{base}.txt: there is no such template"))?;
        let (first, text) = whole.split_once('\n').unwrap_or((&whole, ""));
        let subject = one_line(first.strip_prefix(SUBJECT).unwrap_or(first));
        Ok(MailContent { subject, text: text.trim().to_owned() + "\n", html: rendered("html")? })
    }

    /// Renders a part of mails.
    ///
    /// # Errors
    /// Returns a message that names the template and what is wrong.
    pub fn render_part(&self, name: &str, values: &Value) -> Result<String, String> {
        let template = self.environment.get_template(name).map_err(|error| format!("{name}: {error:#}"))?;
        let context = minijinja::Value::from(Serde(values));
        template.render(context).map_err(|error| format!("{name}: {error:#}"))
    }

    /// Returns the name of the templates of a kind without their ending, in the nearest language by the fallbacks of the site, or
    /// in English. Templates of `nl` are those of `nl-BE` too.
    fn template_name(&self, kind: MailKind, locale: &str) -> String {
        let chain = self.site.fallback_chain(locale);
        // The chain has the base of the language itself in its place.
        let base = |tag: &str| tag.split('-').next().filter(|_| tag != locale).unwrap_or(tag).to_owned();
        let wanted = chain.into_iter().flat_map(|tag| [tag.to_owned(), base(tag)]);
        let names = wanted.map(|tag| format!("{}.{tag}", kind.name()));
        let mut known = names.filter(|name| self.environment.get_template(&format!("{name}.txt")).is_ok());
        known.next().unwrap_or_else(|| format!("{}.{LAST_LOCALE}", kind.name()))
    }
}

/// Reads the templates of a folder.
fn of_folder(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let wrong = |path: &Path, why: &str| format!("mail.templates: {}: {why}", path.display());
    let entries = std::fs::read_dir(folder).map_err(|error| wrong(folder, &error.to_string()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| wrong(folder, &error.to_string()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.starts_with('.') || !path.is_file() {
            continue;
        }
        if !is_name(&name) {
            return Err(wrong(&path, "a template has a name such as invitation.nl.txt"));
        }
        if path.metadata().is_ok_and(|file| file.len() > MOST_BYTES) {
            return Err(wrong(&path, "the file is too large"));
        }
        let source = std::fs::read_to_string(&path).map_err(|error| wrong(&path, &error.to_string()))?;
        found.push((name, source));
    }
    Ok(found)
}

/// Returns whether a file has the name of a template, or of one that others extend or include.
fn is_name(name: &str) -> bool {
    let (stem, ending) = name.rsplit_once('.').unwrap_or_default();
    let is_known = stem.split_once('.').is_none_or(|(kind, _)| MailKind::from_name(kind).is_some());
    is_known && !stem.is_empty() && (["html", "text"].contains(&ending) || (ending == "txt" && stem.contains('.')))
}
