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
            json!({"link": link, "is_subscribed": false, "days": 7})
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

/// Adds the members of an object to another one.
pub fn extend(all: &mut Value, more: Value) {
    if let (Value::Object(all), Value::Object(more)) = (all, more) {
        all.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::templates::MailTemplates;

    fn all(kind: MailKind, locale: &str) -> Value {
        let mut all =
            json!({"site": {"name": "Policy & <Centre>", "url": "https://www.example.org"}, "locale": locale});
        extend(&mut all, values(kind));
        all
    }

    #[test]
    fn every_template_takes_its_values() {
        let templates = MailTemplates::new("", &["nl".to_owned(), "en".to_owned()]).unwrap();
        for kind in MailKind::ALL {
            let [en, nl, german] =
                ["en", "nl-BE", "de"].map(|locale| templates.render(kind, locale, &all(kind, locale)).unwrap());
            assert!(!en.subject.is_empty() && !en.subject.starts_with("Subject"), "{en:?}");
            assert!(!en.subject.contains('\n') && en.text.len() > 20, "{en:?}");
            assert_eq!(nl.subject, german.subject, "the default language stands in");
            assert_eq!(en.html.is_none(), kind == MailKind::ContactAnswer, "{kind:?}");
            if let Some(html) = en.html {
                assert!(html.contains("Policy &amp; &lt;Centre&gt;") && !html.contains("<two>"), "{html}");
            }
        }
    }

    #[test]
    fn a_name_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let templates = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            let made = MailTemplates::new(folder.path().to_str().unwrap(), &["en".to_owned()]);
            std::fs::remove_file(folder.path().join(name)).unwrap();
            made
        };
        let own = templates("test.en.txt", "Subject: Hello {{ site.name }}\n\n{{ nobody }}\n").unwrap();
        let wrong = own.render(MailKind::Test, "en", &all(MailKind::Test, "en")).unwrap_err();
        assert!(wrong.contains("test.en.txt") && wrong.contains("undefined"), "{wrong}");
        let own = templates("test.en.txt", "Subject: Hello {{ site.name }}\n\nBody\n").unwrap();
        assert_eq!(
            own.render(MailKind::Test, "en", &all(MailKind::Test, "en")).unwrap().subject,
            "Hello Policy & <Centre>"
        );
        assert!(templates("test.en.txt", "No subject\n").err().unwrap().contains("first line"));
        assert!(templates("tset.en.txt", "Subject: x\n").err().unwrap().contains("tset.en.txt"));
        assert!(templates("test.en.txt", "Subject: {{ x\n").err().unwrap().contains("test.en.txt"));
    }
}
