//! The section `[newsletter]`.

use serde::{Deserialize, Serialize};

use super::mail::TOKEN;
use super::validate::ViolationList;
use crate::content::values;
use crate::webhook_signature::WebhookSecret;

/// The section `[newsletter]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewsletterConfig {
    /// Sender of the newsletter; empty for that of other mails.
    pub from: String,
    /// URL of the page where a sign-up is confirmed, with `{token}` for the token; empty for a page of the server.
    pub confirm_url: String,
    /// URL of the page where a subscriber changes preferences, with `{token}` for the token; empty for a page of the
    /// server, on which one can unsubscribe.
    pub preferences_url: String,
    /// URL of a provider who is told of changes of subscribers; empty for none.
    pub webhook_url: String,
    /// Secret with which these events are signed: `whsec_` and 24 to 64 bytes in base64.
    pub webhook_secret: String,
    /// Secret with which a provider signs its reports of subscribers, of the same form; empty refuses them.
    pub report_secret: String,
    /// Days for which a sign-up that is not confirmed is kept.
    pub keep_unconfirmed_days: u32,
    /// Days for which the consent of a subscriber who unsubscribed is kept.
    pub keep_unsubscribed_days: u32,
}

impl Default for NewsletterConfig {
    fn default() -> Self {
        Self {
            from: String::new(),
            confirm_url: String::new(),
            preferences_url: String::new(),
            webhook_url: String::new(),
            webhook_secret: String::new(),
            report_secret: String::new(),
            keep_unconfirmed_days: 7,
            keep_unsubscribed_days: 180,
        }
    }
}

impl NewsletterConfig {
    /// Checks the section.
    pub(super) fn check(&self, violations: &mut ViolationList) {
        let is_sender = self.from.is_empty() || self.from.parse::<lettre::message::Mailbox>().is_ok();
        violations.check(is_sender, "newsletter.from", "must be a sender such as Desk <desk@example.org>");
        for (name, url) in [("confirm_url", &self.confirm_url), ("preferences_url", &self.preferences_url)] {
            let is_sound = url.is_empty() || (url.contains(TOKEN) && values::url(url).is_ok());
            violations.check(
                is_sound,
                &format!("newsletter.{name}"),
                "must be an http or https URL that contains {token}",
            );
        }
        let has_webhook = !self.webhook_url.is_empty();
        let is_sound = !has_webhook || values::url(&self.webhook_url).is_ok();
        violations.check(is_sound, "newsletter.webhook_url", "must be an http or https URL");
        for (name, secret, is_needed) in [
            ("newsletter.webhook_secret", &self.webhook_secret, has_webhook),
            ("newsletter.report_secret", &self.report_secret, false),
        ] {
            let is_absent = secret.is_empty() && !is_needed;
            violations.check(
                is_absent || WebhookSecret::parse(secret).is_some(),
                name,
                "must be whsec_ and after it 24 to 64 random bytes in base64",
            );
        }
        for (name, days) in [
            ("newsletter.keep_unconfirmed_days", self.keep_unconfirmed_days),
            ("newsletter.keep_unsubscribed_days", self.keep_unsubscribed_days),
        ] {
            violations.check((1..=3_650).contains(&days), name, "must be between 1 and 3650");
        }
    }
}
