//! Links in mails of the newsletter. Each has a signed token, and nothing happens by a `GET`: programs that examine mails
//! follow links.

use crate::config::{Config, MAIL_TOKEN};
use crate::signed_token;

const CONFIRMATION: &str = "newsletter-confirmation";
const SUBSCRIBER: &str = "newsletter-subscriber";

/// Returns the token that confirms a sign-up.
pub fn confirmation_token(key: &[u8], signup_id: &str) -> String {
    signed_token::seal(key, CONFIRMATION, signup_id.as_bytes())
}

/// Returns the id of the sign-up of a token, if this site issued it.
pub fn signup_of(key: &[u8], token: &str) -> Option<String> {
    String::from_utf8(signed_token::open(key, CONFIRMATION, token)?).ok()
}

/// Returns the token with which a subscriber changes preferences and unsubscribes. It is valid for as long as there is the
/// subscriber, since links in old mails must work.
pub fn subscriber_token(key: &[u8], subscriber_id: &str) -> String {
    signed_token::seal(key, SUBSCRIBER, subscriber_id.as_bytes())
}

/// Returns the id of the subscriber of a token, if this site issued it.
pub fn subscriber_of(key: &[u8], token: &str) -> Option<String> {
    String::from_utf8(signed_token::open(key, SUBSCRIBER, token)?).ok()
}

/// Returns the address of the page on which a sign-up is confirmed.
pub fn confirm_url(config: &Config, token: &str) -> String {
    of_page(config, &config.newsletter.confirm_url, "confirm", token)
}

/// Returns the address of the page on which a subscriber changes preferences.
pub fn preferences_url(config: &Config, token: &str) -> String {
    of_page(config, &config.newsletter.preferences_url, "unsubscribe", token)
}

/// Returns the address at which a `POST` unsubscribes (RFC 8058), and a `GET` shows a page with a button for that.
pub fn unsubscribe_url(config: &Config, token: &str) -> String {
    of_page(config, "", "unsubscribe", token)
}

fn of_page(config: &Config, own: &str, name: &str, token: &str) -> String {
    match own {
        "" => format!("{}/newsletter/{name}?token={token}", config.base_url()),
        own => own.replace(MAIL_TOKEN, token),
    }
}
