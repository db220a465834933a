//! Notices of mails that could not be delivered: reports of mail servers (RFC 3464, RFC 6522), and what is kept of them.

use diesel::prelude::*;
use mail_parser::{MessageParser, MimeHeaders};

use crate::database::Db;
use crate::database::mail_schema::mails;
use crate::mail::claims::{SendOutcome, SendResult};
use crate::mail::outbox::{MailEnd, MailRow, MailStatus};
use crate::mail::return_path;

/// Greatest size of a notice, in bytes; what it quotes is not needed.
pub const MOST_BYTES: usize = 1_048_576;

/// Whether a mail came back for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceKind {
    /// The mail will not be delivered.
    Permanent,
    /// The mail may still be delivered, or another one may.
    Transient,
    /// The recipient complained about the mail.
    Complaint,
}

impl BounceKind {
    /// Names of all kinds.
    pub const NAMES: [&str; 3] = ["permanent", "transient", "complaint"];

    /// Returns the kind with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "permanent" => Some(BounceKind::Permanent),
            "transient" => Some(BounceKind::Transient),
            "complaint" => Some(BounceKind::Complaint),
            _ => None,
        }
    }
}

/// What a notice says of one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BounceNotice {
    /// Whether the mail came back for good.
    pub kind: BounceKind,
    /// Enhanced status code (RFC 3463), such as `5.1.1`; empty if the notice has none.
    pub status: String,
    /// Explanation of the other server.
    pub diagnostic: String,
}

/// Returns whether a text is an enhanced status code (RFC 3463): class, subject and detail.
pub fn is_status_code(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let is_class = parts.first().is_some_and(|class| ["2", "4", "5"].contains(class));
    parts.len() == 3 && is_class && parts.iter().all(is_number)
}

impl BounceNotice {
    /// Returns whether the address itself is wrong, so that no further mail to it will arrive either.
    pub fn is_bad_address(&self) -> bool {
        let is_bad = ["5.1.", "5.2.1"].iter().any(|prefix| self.status.starts_with(prefix));
        self.kind == BounceKind::Complaint || (self.kind == BounceKind::Permanent && is_bad)
    }
}

/// Reads a notice. `recipient` is the address to which it came, if the mail server says so; otherwise the headers tell.
/// Returns the id of the mail and what the notice says; none if it is not about a mail of this site.
pub fn read(key: &[u8], message: &[u8], recipient: Option<&str>) -> Option<(String, BounceNotice)> {
    let parsed = MessageParser::default().parse(message.get(..message.len().min(MOST_BYTES))?)?;
    let named = |name: &str| {
        let values = parsed.headers_raw().filter(move |(header, _)| header.eq_ignore_ascii_case(name));
        values.map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
    };
    let places = ["Delivered-To", "X-Original-To", "Envelope-To", "To"].into_iter().flat_map(named);
    let mail_id = recipient.map(str::to_owned).into_iter().chain(places);
    let mail_id = mail_id.filter_map(|text| return_path::mail_id(key, &text)).next()?;
    let report = parsed.parts.iter().find(|part| {
        let media_type = part.content_type().map(|of| (of.ctype(), of.subtype().unwrap_or_default()));
        media_type.is_some_and(|(main, sub)| {
            main.eq_ignore_ascii_case("message")
                && (sub.eq_ignore_ascii_case("delivery-status") || sub.eq_ignore_ascii_case("global-delivery-status"))
        })
    })?;
    Some((mail_id, of_report(&String::from_utf8_lossy(report.contents()))?))
}

/// Reads a report: groups of fields, the first about the message, and one about each recipient (RFC 3464, section 2.1).
fn of_report(report: &str) -> Option<BounceNotice> {
    let report = report.replace("\r\n", "\n");
    let groups = report.split("\n\n").map(fields);
    let about_recipient = groups.filter_map(|group| {
        let of = |name: &str| {
            group.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let action = of("Action")?.to_ascii_lowercase();
        let status = of("Status").unwrap_or_default().split_whitespace().next().unwrap_or_default().to_owned();
        let kind = match action.as_str() {
            // Some servers say that it failed, and by the code that it failed for now.
            "failed" if !status.starts_with('4') => BounceKind::Permanent,
            "failed" | "delayed" => BounceKind::Transient,
            _ => return None,
        };
        let code = of("Diagnostic-Code").unwrap_or_default();
        let diagnostic = code.split_once(';').map_or(code, |(_, text)| text).trim().to_owned();
        Some(BounceNotice { kind, status, diagnostic })
    });
    // A mail has one recipient, so further groups are about addresses to which it was passed on; the worst counts.
    let all: Vec<BounceNotice> = about_recipient.collect();
    let worst = all.iter().position(|notice| notice.kind == BounceKind::Permanent).unwrap_or(0);
    all.into_iter().nth(worst)
}

/// Returns the fields of a group, whose values may be continued on lines that begin with a space.
fn fields(group: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in group.lines() {
        match (line.starts_with([' ', '\t']), line.split_once(':')) {
            (true, _) => {
                if let Some((_, value)) = found.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            }
            (false, Some((name, value))) => found.push((name.trim().to_owned(), value.trim().to_owned())),
            (false, None) => {}
        }
    }
    found
}

/// Stores what a notice says in the log. Returns the mail; none if the log does not have it any more, or if it came back before
/// and is not complained about.
///
/// # Errors
/// Fails if a statement fails.
pub fn record(connection: &mut Db, mail_id: &str, notice: &BounceNotice) -> QueryResult<Option<MailRow>> {
    let found = mails::table.find(mail_id).select(MailRow::as_select()).first(connection).optional()?;
    let Some(mail): Option<MailRow> = found else { return Ok(None) };
    // Servers and providers may tell of one mail several times.
    if mail.status == MailStatus::Bounced.name() && notice.kind != BounceKind::Complaint {
        return Ok(None);
    }
    let reply = SendResult::new(SendOutcome::Refused, &*notice.status, &notice.diagnostic);
    let reply = (mails::code.eq(&reply.code), mails::detail.eq(mail.kept_detail(&reply.detail)));
    let place = mails::table.find(mail_id);
    if notice.kind == BounceKind::Transient {
        diesel::update(place).set(reply).execute(connection)?;
        return Ok(Some(mail));
    }
    // A notice may come before the reply of the server was stored.
    let end = (MailEnd::new(MailStatus::Bounced), mails::node.eq(""));
    diesel::update(place).set((reply, end)).execute(connection)?;
    Ok(Some(mail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(to: &str, report: &str) -> Vec<u8> {
        format!(
            "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.net\r\nTo: <{to}>\r\nSubject: Undelivered\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nI am sorry.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\n{}\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: Hello\r\n\r\n--b--\r\n",
            report.replace('\n', "\r\n")
        )
        .into_bytes()
    }

    #[test]
    fn status_codes_have_three_numbers() {
        assert!(["5.1.1", "4.7.100", "2.0.0"].into_iter().all(is_status_code));
        let wrong = ["", "5", "5.1", "5.1.", "3.1.1", "55.1.1", "5.1.1000", "5.1.1.1", "5.x.1", "+5.1.1", "5.1.1 no"];
        assert!(!wrong.into_iter().any(is_status_code));
    }

    #[test]
    fn a_report_tells_mail_and_reason() {
        let id = crate::database::new_id();
        let to = return_path::of_mail(b"key", "bounces+{token}@example.org", &id).unwrap().to_string();
        let report = "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; anna@example.org\nAction: failed\n\
                      Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1\n  no such user\n";
        let (found, read_notice) = read(b"key", &notice(&to, report), None).unwrap();
        assert_eq!(found, id);
        assert_eq!(read_notice.kind, BounceKind::Permanent);
        assert_eq!((read_notice.status.as_str(), read_notice.diagnostic.as_str()), ("5.1.1", "550 5.1.1 no such user"));
        assert!(read_notice.is_bad_address());
        let delayed = report.replace("failed", "delayed").replace("5.1.1", "4.4.1");
        let (_, late) = read(b"key", &notice("somebody@example.org", &delayed), Some(&to)).unwrap();
        assert!(late.kind == BounceKind::Transient && !late.is_bad_address());
        assert_eq!(read(b"key", &notice("somebody@example.org", report), None), None);
        assert_eq!(read(b"another", &notice(&to, report), None), None);
        assert_eq!(read(b"key", b"no message at all", Some(&to)), None);
        assert_eq!(read(b"key", b"", Some(&to)), None);
    }
}
