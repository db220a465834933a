//! Sample values of templates, for previews and tests.

use serde_json::{Value, json};

use crate::mail::outbox::MailKind;

/// Returns sample values of the template of a kind, without those that all templates have.
pub fn values(kind: MailKind) -> Value {
    let link = "https://www.example.org/page?token=3p5kQ0x2ZcJm8vTn";
    match kind {
        MailKind::Invitation | MailKind::PasswordReset => {
            json!({"name": "Anna Janssens", "link": link, "token": "3p5kQ0x2ZcJm8vTn"})
        }
        MailKind::Test => json!({}),
        MailKind::NewsletterConfirmation => {
            json!({"link": link, "is_subscribed": false, "language_link": null, "days": 7})
        }
        MailKind::ContactMessage => json!({
            "title": "Contact us",
            "can_reply": true,
            "fields": [
                {"label": "Your name", "value": "Anna Janssens"},
                {"label": "Your message", "value": "Is the lecture open to everybody?\nI would like to bring <two> friends."},
            ],
        }),
        MailKind::ContactAnswer => json!({"title": "Contact us", "answer": "Everybody is welcome."}),
        MailKind::NewsletterIssue => json!({
            "subject": "Rivers in March",
            "text": "Three evenings about shared water.",
            "html": "<p>Three evenings about shared water.</p>",
            "preferences_url": link,
            "unsubscribe_url": link,
        }),
    }
}

/// Returns the values with which own templates of a kind are tried at start: samples that take each way which the values of
/// real mails can take, in a language.
pub fn trials(kind: MailKind, locale: &str) -> Vec<Value> {
    let site = json!({"name": "Policy Centre", "url": "https://www.example.org"});
    let other = match kind {
        // Not null as where `mail.link` is not set: where it is, a template may rely on a text.
        MailKind::Invitation | MailKind::PasswordReset => json!({"link": ""}),
        MailKind::NewsletterConfirmation => json!({"is_subscribed": true, "language_link": ""}),
        MailKind::ContactMessage => json!({"can_reply": false}),
        MailKind::Test | MailKind::ContactAnswer | MailKind::NewsletterIssue => json!({}),
    };
    let trial = |more: Value| {
        let mut all = json!({"site": site, "locale": locale});
        extend(&mut all, values(kind));
        extend(&mut all, more);
        all
    };
    vec![trial(json!({})), trial(other)]
}

/// Returns the values with which own templates of the blocks of the newsletter are tried at start.
pub fn block_trials() -> Vec<Value> {
    let link = "https://www.example.org/events/rivers";
    let whole = json!({
        "heading": "Coming events", "html": "<p>Three evenings.</p>", "text": "Three evenings.",
        "entries": [{"title": "Rivers", "url": link, "when": "4 March", "place": "Brussels", "summary": "Water."}],
    });
    let empty = json!({
        "heading": null, "html": null, "text": null,
        "entries": [{"title": "Rivers", "url": link, "when": null, "place": null, "summary": null}],
    });
    let of = |preview: &str, block: Value| json!({"locale": "en", "preview_text": preview, "blocks": [block]});
    vec![of("Three evenings", whole), of("", empty)]
}

/// Adds the members of an object to another one.
pub fn extend(all: &mut Value, more: Value) {
    if let (Value::Object(all), Value::Object(more)) = (all, more) {
        all.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::content::Site;
    use crate::mail::templates::MailTemplates;

    fn sample(kind: MailKind, locale: &str) -> Value {
        let mut all = trials(kind, locale).remove(0);
        all["site"]["name"] = json!("Policy & <Centre>");
        all
    }

    fn site(locales: &[&str]) -> Site {
        let mut config = Config::default();
        config.site.locales = locales.iter().map(|locale| (*locale).to_owned()).collect();
        config.site()
    }

    #[test]
    fn the_fallbacks_of_the_site_choose_the_template() {
        let mut site = site(&["en", "nl-BE", "de"]);
        site.fallback.insert("de".to_owned(), vec!["nl-BE".to_owned()]);
        let templates = MailTemplates::new("", site).unwrap();
        let subject = |locale: &str| {
            let values = sample(MailKind::Invitation, locale);
            templates.render(MailKind::Invitation, locale, &values).unwrap().subject
        };
        assert_eq!((subject("de"), subject("fr")), (subject("nl"), subject("en")));
        assert_ne!(subject("nl"), subject("en"));
    }

    #[test]
    fn every_template_takes_its_values() {
        let templates = MailTemplates::new("", site(&["nl", "en"])).unwrap();
        for kind in MailKind::ALL {
            let [en, nl, german] =
                ["en", "nl-BE", "de"].map(|locale| templates.render(kind, locale, &sample(kind, locale)).unwrap());
            assert!(!en.subject.is_empty() && !en.subject.starts_with("Subject"), "{en:?}");
            assert!(!en.subject.contains('\n') && en.text.len() > 20, "{en:?}");
            assert_eq!(nl.subject, german.subject, "the default language stands in");
            assert_eq!(en.html.is_none(), kind == MailKind::ContactAnswer, "{kind:?}");
            if let Some(html) = en.html {
                assert!(html.contains("Policy &amp; &lt;Centre&gt;") && !html.contains("<two>"), "{html}");
            }
        }
        // An own template makes all be tried, in each way that their values can take.
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("signature.text"), "Your {{ site.name }}").unwrap();
        MailTemplates::new(folder.path().to_str().unwrap(), site(&["nl"])).unwrap();
    }

    #[test]
    fn a_name_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let templates = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            let made = MailTemplates::new(folder.path().to_str().unwrap(), site(&["en"]));
            std::fs::remove_file(folder.path().join(name)).unwrap();
            made
        };
        for (name, text) in [
            ("test.en.txt", "Subject: Hello {{ site.name }}\n\n{{ nobody }}\n"),
            ("newsletter_confirmation.fr.txt", "Subject: Bonjour\n{% if is_subscribed %}{{ nobody }}{% endif %}\n"),
            ("contact_message.en.html", "{% if not can_reply %}{{ nobody }}{% endif %}\n"),
            ("invitation.nl.txt", "Subject: Hallo\n{% if not link %}{{ nobody }}{% endif %}\n"),
            ("newsletter_blocks.html", "{% for block in blocks %}{{ block.nobody }}{% endfor %}"),
            ("newsletter_blocks.text", "{{ subject }}"),
            ("layout.html", "{{ nobody }}{% block body %}{% endblock %}"),
        ] {
            let wrong = templates(name, text).err().unwrap();
            assert!(wrong.starts_with("mail.templates: ") && wrong.contains("undefined"), "{name}: {wrong}");
            assert!(wrong.contains(name), "{name}: {wrong}");
        }
        let own = templates("test.en.txt", "Subject: Hello {{ site.name }}\n\nBody\n").unwrap();
        assert_eq!(
            own.render(MailKind::Test, "en", &sample(MailKind::Test, "en")).unwrap().subject,
            "Hello Policy & <Centre>"
        );
        assert!(templates("test.en.txt", "No subject\n").err().unwrap().contains("first line"));
        assert!(templates("tset.en.txt", "Subject: x\n").err().unwrap().contains("tset.en.txt"));
        assert!(templates("test.en.txt", "Subject: {{ x\n").err().unwrap().contains("test.en.txt"));
    }
}
