//! The settings of the site that its pages show: one item, which exists from the first start.

use chrono::{Datelike, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::content::field::{Enumeration, Field, FieldType, ObjectType};
use crate::content::local_time::date;
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;

const DAYS: &Enumeration = &Enumeration {
    schema: "DayOfWeek",
    words: &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
};
const ANALYTICS_PROVIDERS: &Enumeration = &Enumeration {
    schema: "AnalyticsProvider",
    words: &["fathom", "google-analytics", "google-tag-manager", "matomo", "plausible", "simple-analytics", "umami"],
};
const VERIFICATION_PROVIDERS: &Enumeration = &Enumeration {
    schema: "VerificationProvider",
    words: &["baidu", "bing", "facebook", "google", "naver", "pinterest", "seznam", "yandex"],
};

const SITE_ADDRESS: &ObjectType = &ObjectType {
    schema: "SiteAddress",
    about: "A postal address of the organisation.",
    fields: &[
        Field::new("label", FieldType::Line { max: 100 }, "Label of the address.", r#""Head office""#).localised(),
        Field::new(
            "text",
            FieldType::Text { max: 500 },
            "Address as it is shown.",
            r#""Rue de l'Exemple 14-16, 1000 Brussels, Belgium""#,
        )
        .localised(),
        Field::new("address", FieldType::Object(ADDRESS), "Address by its parts.", r#"{"city": "Brussels"}"#),
    ],
};

const TELEPHONE: &ObjectType = &ObjectType {
    schema: "Telephone",
    about: "A telephone number of the organisation.",
    fields: &[
        Field::new("label", FieldType::Line { max: 100 }, "Label of the number.", r#""Call us""#).localised(),
        Field::new("text", FieldType::Line { max: 50 }, "Number as it is shown.", r#""+32 (0)2 000 00 00""#).required(),
        Field::new(
            "number",
            FieldType::Line { max: 16 },
            "Number to dial (E.164), for `tel:` links.",
            r#""+3220000000""#,
        )
        .required(),
        Field::new("hours", FieldType::Line { max: 200 }, "Hours at which somebody answers.", r#""9 am to 5 pm""#)
            .localised(),
    ],
};

const OPENING_HOURS: &ObjectType = &ObjectType {
    schema: "OpeningHours",
    about: "Hours on some days of the week (schema.org/OpeningHoursSpecification).",
    fields: &[
        Field::new(
            "days",
            FieldType::List { of: &FieldType::OneOf(DAYS), max: 7 },
            "Days of the week.",
            r#"["monday", "friday"]"#,
        ),
        Field::new("opens", FieldType::Line { max: 5 }, "Time of opening, as HH:MM.", r#""09:00""#).required(),
        Field::new("closes", FieldType::Line { max: 5 }, "Time of closing, as HH:MM.", r#""17:30""#).required(),
        Field::new("note", FieldType::Line { max: 200 }, "Note for readers.", r#""By appointment""#).localised(),
    ],
};

const SPECIAL_OPENING_HOURS: &ObjectType = &ObjectType {
    schema: "SpecialOpeningHours",
    about: "Hours on some dates, instead of those of their days of the week (schema.org/specialOpeningHoursSpecification). \
            Without hours, it is closed.",
    fields: &[
        Field::new("valid_from", FieldType::Line { max: 10 }, "First date, as YYYY-MM-DD.", r#""2026-12-24""#)
            .required(),
        Field::new(
            "valid_through",
            FieldType::Line { max: 10 },
            "Last date, as YYYY-MM-DD; without it, the first one.",
            r#""2027-01-01""#,
        ),
        Field::new("opens", FieldType::Line { max: 5 }, "Time of opening, as HH:MM.", r#""10:00""#),
        Field::new("closes", FieldType::Line { max: 5 }, "Time of closing, as HH:MM.", r#""15:00""#),
        Field::new("note", FieldType::Line { max: 200 }, "Note for readers.", r#""Christmas""#).localised(),
    ],
};

const COPYRIGHT: &ObjectType = &ObjectType {
    schema: "Copyright",
    about: "The copyright notice. `current_year` of the settings is its last year.",
    fields: &[
        Field::new("holder", FieldType::Line { max: 200 }, "Holder of the copyright.", r#""Meander Policy Centre""#)
            .localised(),
        Field::new("first_year", FieldType::Integer { min: 1000, max: 9999 }, "First year of the notice.", "2011"),
    ],
};

const NEWSLETTER: &ObjectType = &ObjectType {
    schema: "NewsletterTexts",
    about: "The texts of the block with which readers sign up for the newsletter.",
    fields: &[
        Field::new("title", FieldType::Line { max: 200 }, "Title of the block.", r#""The latest in your inbox""#)
            .localised(),
        Field::new("lead", FieldType::Text { max: 600 }, "Text below the title.", r#""Once a month.""#).localised(),
        Field::new(
            "consent",
            FieldType::Text { max: 2_000 },
            "What readers agree to when they sign up.",
            r#""I agree to receive the newsletter.""#,
        )
        .localised(),
        Field::new("button", FieldType::Line { max: 100 }, "Text of the button.", r#""Sign up""#).localised(),
    ],
};

const ANALYTICS: &ObjectType = &ObjectType {
    schema: "Analytics",
    about: "A service that counts visits. The frontend decides how it is loaded; scripts are not stored.",
    fields: &[
        Field::new("provider", FieldType::OneOf(ANALYTICS_PROVIDERS), "The service.", r#""matomo""#).required(),
        Field::new("id", FieldType::Line { max: 100 }, "Id of the site at the service.", r#""7""#).required(),
        Field::new(
            "url",
            FieldType::Url,
            "URL of the service, if the organisation hosts it itself.",
            r#""https://stats.example.org/""#,
        ),
    ],
};

const VERIFICATION: &ObjectType = &ObjectType {
    schema: "Verification",
    about: "The proof for a search engine or service that the site belongs to the organisation, as a `meta` element has it.",
    fields: &[
        Field::new("provider", FieldType::OneOf(VERIFICATION_PROVIDERS), "The service.", r#""google""#).required(),
        Field::new(
            "token",
            FieldType::Line { max: 200 },
            "Token that the service gave.",
            r#""rXOxyZounnZasA8Z7oaD3c14""#,
        )
        .required(),
    ],
};

/// The content type of the settings of the site, of which there is one item.
pub static SITE_SETTINGS: ContentType = ContentType {
    kind: "site_settings",
    collection: "site",
    schema: "SiteSettings",
    noun: "site",
    title_plural: "Site",
    about: "The settings that the pages of the site show: names, addresses, telephones, texts. There is one item, with the \
            slug `settings`, from the first start.",
    label: "name",
    parent: None,
    variant: None,
    children: None,
    span: None,
    position: None,
    countries: &[],
    coordinates: None,
    rules: site_rules,
    fields: &[
        Field::new("name", FieldType::Line { max: 200 }, "Name of the site.", r#""Meander Policy Centre""#)
            .required()
            .localised(),
        Field::new("short_name", FieldType::Line { max: 60 }, "Short name or abbreviation.", r#""MPC""#).localised(),
        Field::new("tagline", FieldType::Line { max: 200 }, "Tagline.", r#""Water, towns, democracy""#).localised(),
        Field::new(
            "addresses",
            FieldType::List { of: &FieldType::Object(SITE_ADDRESS), max: 20 },
            "Postal addresses, the main one first.",
            r#"[{"text": "Rue de l'Exemple 14-16, 1000 Brussels"}]"#,
        ),
        Field::new(
            "telephones",
            FieldType::List { of: &FieldType::Object(TELEPHONE), max: 20 },
            "Telephone numbers, the main one first.",
            r#"[{"label": "Call us", "text": "+32 (0)2 000 00 00", "number": "+3220000000"}]"#,
        ),
        Field::new("email", FieldType::Email, "E-mail address for readers.", r#""info@example.org""#),
        Field::new(
            "contacts",
            FieldType::List { of: &FieldType::Object(CONTACT), max: 20 },
            "Contacts for certain questions, such as those of the press.",
            r#"[{"label": "Press", "email": "press@example.org"}]"#,
        ),
        Field::new(
            "opening_hours",
            FieldType::List { of: &FieldType::Object(OPENING_HOURS), max: 14 },
            "Opening hours, in the time zone of the site.",
            r#"[{"days": ["monday"], "opens": "09:00", "closes": "17:30"}]"#,
        ),
        Field::new(
            "special_opening_hours",
            FieldType::List { of: &FieldType::Object(SPECIAL_OPENING_HOURS), max: 100 },
            "Holidays and other dates with hours of their own, in the time zone of the site.",
            r#"[{"valid_from": "2026-12-24", "valid_through": "2027-01-01", "note": "Christmas"}]"#,
        ),
        Field::new(
            "registration_numbers",
            FieldType::List { of: &FieldType::Object(REGISTRATION_NUMBER), max: 20 },
            "Entries in public registers.",
            r#"[{"label": "EU Transparency Register No.", "number": "000000000000-00"}]"#,
        ),
        Field::new(
            "social_links",
            FieldType::List { of: &FieldType::Object(LINK), max: 30 },
            "Pages of the organisation in social networks.",
            r#"[{"title": "Mastodon", "url": "https://social.example.org/@mpc"}]"#,
        ),
        Field::new(
            "copyright",
            FieldType::Object(COPYRIGHT),
            "Copyright notice.",
            r#"{"holder": "Meander Policy Centre", "first_year": 2011}"#,
        ),
        Field::new("logo", FieldType::Object(IMAGE), "Logo.", r#"{"url": "https://example.org/logo.svg"}"#),
        Field::new(
            "social_image",
            FieldType::Object(IMAGE),
            "Image for social networks of pages that have none.",
            r#"{"url": "https://example.org/card.jpg"}"#,
        ),
        Field::new(
            "newsletter",
            FieldType::Object(NEWSLETTER),
            "Texts of the newsletter block.",
            r#"{"title": "The latest in your inbox"}"#,
        ),
        Field::new(
            "analytics",
            FieldType::List { of: &FieldType::Object(ANALYTICS), max: 10 },
            "Services that count visits.",
            r#"[{"provider": "matomo", "id": "7"}]"#,
        ),
        Field::new(
            "verifications",
            FieldType::List { of: &FieldType::Object(VERIFICATION), max: 20 },
            "Proofs that the site belongs to the organisation.",
            r#"[{"provider": "google", "token": "rXOxyZounnZasA8Z7oaD3c14"}]"#,
        ),
        CUSTOM,
    ],
    filters: &[SLUG, IDS, UPDATED_AT, CREATED_AT, PUBLISHED_AT],
    sorts: &[BY_NAME, CREATED, UPDATED, PUBLISHED],
};

/// Checks the forms of numbers, hours and tokens.
fn site_rules(content: &mut Map<String, Value>, faults: &mut Violations) {
    let is_e164 = |text: &str| {
        let digits = text.strip_prefix('+').unwrap_or_default();
        (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
    };
    let rule = "must be a number in the form of E.164, such as +3220000000";
    check_each(content, "telephones", "number", is_e164, ("not_a_value", rule), faults);
    let is_time = |text: &str| {
        let part = |text: &str, max: u8| text.len() == 2 && text.parse::<u8>().is_ok_and(|number| number <= max);
        text.split_once(':').is_some_and(|(hour, minute)| part(hour, 23) && part(minute, 59)) || text == "24:00"
    };
    for list in ["opening_hours", "special_opening_hours"] {
        for name in ["opens", "closes"] {
            check_each(content, list, name, is_time, ("not_a_time", "must be a time such as 09:30"), faults);
        }
    }
    check_special_days(content, faults);
    check_first_year(content, year_anywhere(), faults);
    // What a page writes into a script or an element must not be one.
    let is_token = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:=+/-".contains(&b));
    let rule = "must have letters, digits and . _ : = + / - only, as the service gave it";
    check_each(content, "analytics", "id", is_token, ("not_a_value", rule), faults);
    check_each(content, "verifications", "token", is_token, ("not_a_value", rule), faults);
}

/// Checks the dates of the special opening hours, and that they have both hours or none.
fn check_special_days(content: &Map<String, Value>, faults: &mut Violations) {
    let entries = content.get("special_opening_hours").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (index, entry) in entries.iter().enumerate() {
        let mut fault = |name: &str, code: &'static str, message: &str| {
            faults.add(format!("/special_opening_hours/{index}/{name}"), code, message);
        };
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let days = ["valid_from", "valid_through"].map(|name| {
            let day = text(name).map(date);
            if day == Some(None) {
                fault(name, "not_a_date", "must be a date such as 2026-12-24");
            }
            day.flatten()
        });
        if let [Some(first), Some(last)] = days
            && last < first
        {
            fault("valid_through", "before_start", "the last date is before the first one");
        }
        match (text("opens"), text("closes")) {
            (Some(_), None) => fault("closes", "required", "is required with opens"),
            (None, Some(_)) => fault("opens", "required", "is required with closes"),
            _ => {}
        }
    }
}

/// Returns the present year where it is latest on Earth, which is at UTC+14.
fn year_anywhere() -> i64 {
    Utc::now().naive_utc().checked_add_signed(TimeDelta::hours(14)).map_or(i64::MAX, |at| at.year().into())
}

/// Checks that the copyright does not begin in the future.
fn check_first_year(content: &Map<String, Value>, present: i64, faults: &mut Violations) {
    let first = content.get("copyright").and_then(|notice| notice.get("first_year")).and_then(Value::as_i64);
    if first.is_some_and(|first| first > present) {
        faults.add("/copyright/first_year", "out_of_range", format!("must not be after the present year, {present}"));
    }
}

/// Checks a member of each object of a list.
fn check_each(
    content: &Map<String, Value>,
    list: &str,
    member: &str,
    is_valid: impl Fn(&str) -> bool,
    (code, rule): (&str, &str),
    faults: &mut Violations,
) {
    let entries = content.get(list).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (index, entry) in entries.iter().enumerate() {
        if entry.get(member).and_then(Value::as_str).is_some_and(|text| !is_valid(text)) {
            faults.add(format!("/{list}/{index}/{member}"), code, rule);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(content: Value) -> Vec<(String, String)> {
        let (mut content, mut faults) = (content.as_object().cloned().unwrap(), Violations::new());
        site_rules(&mut content, &mut faults);
        faults.into_vec().into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn special_days_have_dates_and_hours() {
        let day = |entry: Value| {
            let all = faults(json!({"special_opening_hours": [entry]}));
            all.into_iter().map(|(place, code)| format!("{} {code}", &place[25..])).collect::<Vec<_>>()
        };
        for good in [
            json!({"valid_from": "2026-12-25"}),
            json!({"valid_from": "2026-12-25", "valid_through": "2026-12-25", "opens": null, "closes": null}),
            json!({"valid_from": "2026-12-31", "valid_through": "2027-01-01", "opens": "22:00", "closes": "02:00"}),
            json!({"valid_from": "2028-02-29", "opens": "00:00", "closes": "24:00"}),
        ] {
            assert!(day(good.clone()).is_empty(), "{good}");
        }
        for bad in ["2026-02-29", "2026-13-01", "26-12-25", "+026-12-25", "2026-12-2", "25.12.2026", "tomorrow"] {
            assert_eq!(day(json!({"valid_from": bad})), ["valid_from not_a_date"], "{bad}");
        }
        let end_before = json!({"valid_from": "2026-12-25", "valid_through": "2026-12-24"});
        assert_eq!(day(end_before), ["valid_through before_start"]);
        assert_eq!(day(json!({"valid_from": "2026-12-25", "opens": "10:00"})), ["closes required"]);
        assert_eq!(day(json!({"valid_from": "2026-12-25", "closes": "9"})), ["closes not_a_time", "opens required"]);
    }

    #[test]
    fn a_copyright_has_begun() {
        let found = |first: i64| {
            let mut faults = Violations::new();
            let content = json!({"copyright": {"first_year": first}});
            check_first_year(content.as_object().unwrap(), 2026, &mut faults);
            faults.into_vec().pop().map(|fault| (fault.pointer, fault.message))
        };
        assert_eq!((found(1000), found(2026)), (None, None));
        let wanted = ("/copyright/first_year".to_owned(), "must not be after the present year, 2026".to_owned());
        assert_eq!(found(2027), Some(wanted));
        assert!((2026..9998).contains(&year_anywhere()));
    }
}
