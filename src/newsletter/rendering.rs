//! An edition as it is mailed: its blocks with what is published now, as HTML and as text.

use serde_json::{Value, json};

use super::blocks::{Block, Edition};
use crate::content::rich_text::{self, RichTextFormat};
use crate::content::violation::Violations;
use crate::content_types::{ALL, ContentType};
use crate::database::Db;
use crate::delivery::get_item::{ItemLookup, find_item};
use crate::delivery::list_items::{ListContext, page};
use crate::delivery::query::parser::QueryParser;
use crate::delivery::viewer::Viewer;
use crate::delivery::{ReadContext, Shape};
use crate::feeds::pages;
use crate::mail::templates::MailTemplates;
use crate::problem::{Problem, ProblemKind};

/// The resources of an edition's rendering.
pub struct RenderingContext<'a> {
    /// Resources of lists.
    pub list: ListContext<'a>,
    /// The templates.
    pub templates: &'a MailTemplates,
    /// Address of the server.
    pub base_url: &'a str,
}

/// The content of an edition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedEdition {
    /// Language.
    pub locale: String,
    /// Subject.
    pub subject: String,
    /// HTML of the blocks.
    pub html: String,
    /// Text of the blocks.
    pub text: String,
}

/// Renders an edition.
///
/// # Errors
/// 409 if a stored query is not valid any more, the item of a block is not public, no block shows anything, or a template
/// fails; 503 if the database or the index does not respond.
pub fn render(
    connection: &mut Db,
    context: &RenderingContext<'_>,
    edition: &Edition,
) -> Result<RenderedEdition, Problem> {
    let mut blocks = Vec::new();
    for (number, block) in edition.blocks.iter().enumerate() {
        let shown = of_block(connection, context, edition, block).map_err(|problem| match problem.kind {
            ProblemKind::BadRequest => {
                let detail =
                    format!("block {} of the edition \"{}\": its query is not valid", number + 1, edition.locale);
                Problem::new(ProblemKind::Conflict, detail).with_violations(problem.errors)
            }
            _ => problem,
        })?;
        if block.kind == "item" && !has_entries(&shown) {
            let place = format!("block {} of the edition \"{}\"", number + 1, edition.locale);
            return Err(Problem::new(ProblemKind::Conflict, format!("{place}: its item is not public")));
        }
        blocks.push(shown);
    }
    if !blocks.iter().any(|block| has_entries(block) || !block["html"].is_null()) {
        let detail = format!("the edition \"{}\" is empty: none of its blocks shows anything now", edition.locale);
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let values = json!({"locale": edition.locale, "preview_text": edition.preview_text, "blocks": blocks});
    let part = |name: &str| {
        let rendered = context.templates.render_part(name, &values);
        rendered.map_err(|reason| Problem::new(ProblemKind::Conflict, format!("the template is wrong: {reason}")))
    };
    Ok(RenderedEdition {
        locale: edition.locale.clone(),
        subject: edition.subject.clone(),
        html: part("newsletter_blocks.html")?,
        text: part("newsletter_blocks.text")?.trim().to_owned(),
    })
}

/// Returns whether a block has items to show.
fn has_entries(block: &Value) -> bool {
    block["entries"].as_array().is_some_and(|entries| !entries.is_empty())
}

/// Returns the values of a block for the template, which are the same for every type.
fn of_block(
    connection: &mut Db,
    context: &RenderingContext<'_>,
    edition: &Edition,
    block: &Block,
) -> Result<Value, Problem> {
    let items = match block.kind.as_str() {
        "events" => of_query(connection, context, &edition.locale, block)?,
        "item" => of_item(connection, context, &edition.locale, block)?.into_iter().collect(),
        _ => Vec::new(),
    };
    let html = block.text.as_deref().map(|text| rich_text::to_html(RichTextFormat::Markdown, text));
    let text = html.as_deref().map(rich_text::to_text);
    Ok(json!({"heading": block.heading, "html": html, "text": text, "entries": items}))
}

fn of_query(
    connection: &mut Db,
    context: &RenderingContext<'_>,
    locale: &str,
    block: &Block,
) -> Result<Vec<Value>, Problem> {
    let mut violations = Violations::new();
    let query = block.list_query(context.list.site, locale, context.list.cursor_key, &mut violations);
    if !violations.is_empty() {
        return Err(Problem::bad_request(violations));
    }
    let Some((content_type, query)) = query else { return Ok(Vec::new()) };
    let found = page(connection, content_type, context.list, &query)?;
    Ok(found.items.iter().map(|item| entry(context, content_type, locale, &item.object)).collect())
}

/// Returns the item of a block; none if it is not public (any more).
fn of_item(
    connection: &mut Db,
    context: &RenderingContext<'_>,
    locale: &str,
    block: &Block,
) -> Result<Option<Value>, Problem> {
    let collection = block.collection.as_deref().unwrap_or_default();
    let has_page = |known: &&'static ContentType| known.collection == collection && !known.is_without_page();
    let Some(content_type) = ALL.into_iter().find(has_page) else { return Ok(None) };
    let mut violations = Violations::new();
    let site = context.list.site;
    let pairs = vec![("locale".to_owned(), locale.to_owned())];
    let shape: Shape =
        QueryParser { content_type, site, viewer: &Viewer::Public, violations: &mut violations }.shape(&pairs, false);
    let read = ReadContext { content_type, site, shape: &shape };
    let key = block.item.as_deref().unwrap_or_default();
    Ok(match find_item(connection, read, key)? {
        ItemLookup::Found { item, .. } => Some(entry(context, content_type, locale, &item.object)),
        ItemLookup::Moved(slug) => match find_item(connection, read, &slug)? {
            ItemLookup::Found { item, .. } => Some(entry(context, content_type, locale, &item.object)),
            _ => None,
        },
        ItemLookup::Absent => None,
    })
}

/// Returns the values of an item for the template.
fn entry(context: &RenderingContext<'_>, content_type: &ContentType, locale: &str, object: &str) -> Value {
    let item: Value = serde_json::from_str(object).unwrap_or_default();
    let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
    let slug = text("slug").unwrap_or_default();
    let url = pages::page(context.list.site, context.base_url, content_type.kind, &slug, locale);
    let place = item.get("venue").and_then(|venue| venue.get("name")).and_then(Value::as_str);
    let is_all_day = item.get("all_day").and_then(Value::as_bool).unwrap_or_default();
    json!({
        "title": text(content_type.label),
        "url": url,
        "when": text("starts_at").map(|at| time_text(&at, is_all_day, locale)),
        "place": place,
        "summary": text("summary"),
    })
}

/// Returns a time as people write it in a language: day, month, year and time of day.
fn time_text(at: &str, is_all_day: bool, locale: &str) -> String {
    const ENGLISH: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DUTCH: [&str; 12] = [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ];
    let (day, time) = at.split_once('T').unwrap_or((at, ""));
    let parts: Vec<&str> = day.split('-').collect();
    let names = match locale.split('-').next() {
        Some("en") => Some(ENGLISH),
        Some("nl") => Some(DUTCH),
        _ => None,
    };
    let month = parts.get(1).and_then(|month| month.parse::<usize>().ok()?.checked_sub(1));
    let named = names.zip(month).and_then(|(names, month)| names.get(month).copied());
    let date = match (named, parts.as_slice()) {
        (Some(month), [year, _, day]) => format!("{} {month} {year}", day.trim_start_matches('0')),
        _ => day.to_owned(),
    };
    match time.get(..5).filter(|_| !is_all_day) {
        Some(time) => format!("{date}, {time}"),
        None => date,
    }
}

#[cfg(test)]
mod tests {
    use super::time_text;

    #[test]
    fn times_are_written_as_people_do() {
        assert_eq!(time_text("2027-09-06T14:00:00+02:00", false, "en-GB"), "6 September 2027, 14:00");
        assert_eq!(time_text("2027-09-16", false, "nl"), "16 september 2027");
        assert_eq!(time_text("2027-09-16T00:00:00+02:00", true, "nl"), "16 september 2027");
        assert_eq!(time_text("2027-09-16T14:00:00+02:00", false, "de"), "2027-09-16, 14:00");
    }
}
