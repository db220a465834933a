//! Copies of an item with its children, as new drafts: an event with its programme, moved to another date. All copies are
//! validated before the first one is stored, and are stored together.

use serde_json::{Map, Value};

use crate::auth::permissions::Action;
use crate::content::local_time::zone_of;
use crate::content::time_shift::TimeShift;
use crate::content::translations::Translations;
use crate::content::violation::Violations;
use crate::content::{LocaleMode, Site};
use crate::content_types::{ContentType, SEGMENT};
use crate::database::{Db, new_id};
use crate::editorial::children;
use crate::editorial::editor::{Editor, WriteRequest, WriteResult, find, write_once};
use crate::editorial::idempotency::IdempotencyRecord;
use crate::editorial::insert::{InsertGroup, Origin};
use crate::editorial::three_way_merge::as_input;
use crate::editorial::validate::{BodyRules, LocalNames, ValidatedBody};
use crate::editorial::write::{ItemWrite, content_type_of};
use crate::editorial::write_context::{WriteContext, require_permission};
use crate::items::{self, Item, ItemScope, ReferenceTarget, working_draft};
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

/// Fields that tell what became of the original, and so are not copied.
const OF_THE_ORIGINAL: [&str; 4] = ["event_status", "recordings", "role", SEGMENT];

/// What a copy has that the original has not.
#[derive(Debug, Clone, Default)]
pub struct DuplicateRequest {
    /// Title or name in the locale of the request; that of the original if `None`.
    pub label: Option<String>,
    /// Slug; made from the title if `None`.
    pub slug: Option<String>,
    /// Start, as a date or a local time. All times move with it.
    pub starts_at: Option<String>,
    /// Whether the children are copied too.
    pub with_children: bool,
}

impl Editor {
    /// Creates a copy of an item's newest text as a draft, with copies of its children. With an idempotency key that
    /// created one before, returns that item instead.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if there is no such item, with `Forbidden` if the role may not create items, with
    /// `Conflict` if the item is in the trash or the slug is taken, with `Invalid` if a time or the copy breaks a
    /// rule, and if the database fails.
    pub async fn duplicate(
        &self,
        id_or_slug: &str,
        wanted: DuplicateRequest,
        key: Option<IdempotencyRecord>,
    ) -> Result<WriteResult, Problem> {
        let (request, id_or_slug) = (self.request.clone(), id_or_slug.to_owned());
        let write = move |c: &mut Db| {
            write_once(c, request.content_type, key, |c| {
                let original = find(c, request.content_type, &id_or_slug)?;
                Ok(Duplication { request: &request, wanted: &wanted }.write(c, &original)?.into())
            })
        };
        self.write_and_render(write).await
    }
}

/// The copying of one item.
struct Duplication<'a> {
    request: &'a WriteRequest,
    wanted: &'a DuplicateRequest,
}

impl Duplication<'_> {
    fn write(&self, connection: &mut Db, original: &Item) -> Result<Item, Problem> {
        require_permission(self.request.role, Action::Create)?;
        if original.trashed_at != 0 {
            return Err(Problem::new(ProblemKind::Conflict, "the item is in the trash; restore it first"));
        }
        let reason = format!("copy of {}", original.slug);
        let author =
            Author { reason: self.request.author.reason.clone().or(Some(reason)), ..self.request.author.clone() };
        let context = WriteContext { author: &author, ..self.request.context() };
        let mut violations = Violations::new();
        let NewestText { mut input, content } = newest_text(connection, original)?;
        let shift = self.shift(&content, &mut input, &mut violations);
        self.rename(&mut input);
        let copy = ItemCopy::new(context.site, original, input, violations)?;
        let children = if self.wanted.with_children { children::all(connection, original)? } else { Vec::new() };
        let mut copies = Vec::with_capacity(children.len() + 1);
        for child in &children {
            let NewestText { mut input, content } = newest_text(connection, child)?;
            let content_type = content_type_of(child)?;
            if let Some(shift) = shift {
                shift.apply(content_type.fields, &mut input, zone_of(&content).unwrap_or(context.site.time_zone));
            }
            if let Some(parent) = content_type.parent {
                input.insert(parent.to_owned(), copy.id.as_str().into());
            }
            copies.push(ItemCopy::new(context.site, child, input, Violations::new())?);
        }
        copies.insert(0, copy);
        link(connection, &mut copies)?;
        store(connection, context, copies)
    }

    /// Moves the copy to its start, and returns the distance. An item without a start gets the requested one.
    fn shift(
        &self,
        content: &Map<String, Value>,
        input: &mut Map<String, Value>,
        violations: &mut Violations,
    ) -> Option<TimeShift> {
        let (span, requested) = (self.request.content_type.span?, self.wanted.starts_at.as_deref()?);
        let zone = zone_of(content).unwrap_or(self.request.site.time_zone);
        let Some(stored) = content.get(span.starts_at).and_then(Value::as_str) else {
            input.insert(span.starts_at.to_owned(), requested.into());
            return None;
        };
        match TimeShift::from_times(stored, requested, zone) {
            Ok(shift) => {
                shift.apply(self.request.content_type.fields, input, zone);
                Some(shift)
            }
            Err((code, message)) => {
                violations.add(format!("/{}", span.starts_at), code, message);
                None
            }
        }
    }

    /// Gives the copy its title and its slug.
    fn rename(&self, input: &mut Map<String, Value>) {
        let WriteRequest { site, content_type, mode, .. } = self.request;
        if let Some(label) = &self.wanted.label {
            let locale = match mode {
                LocaleMode::One(locale) => locale,
                LocaleMode::All => site.default_locale(),
            };
            match input.get_mut(content_type.label) {
                Some(Value::Object(values)) => drop(values.insert(locale.to_owned(), label.as_str().into())),
                _ => drop(input.insert(content_type.label.to_owned(), label.as_str().into())),
            }
        }
        if let Some(slug) = &self.wanted.slug {
            input.insert("slug".to_owned(), slug.as_str().into());
        }
    }
}

/// The newest text of an item.
struct NewestText {
    /// In the input form, without what only the original has.
    input: Map<String, Value>,
    /// As it is stored.
    content: Map<String, Value>,
}

fn newest_text(connection: &mut Db, original: &Item) -> Result<NewestText, Problem> {
    let draft = working_draft::find(connection, original)?;
    let content = working_draft::newest_content(original, draft.as_ref());
    let mut input = as_input(content_type_of(original)?.fields, None, &content, &LocaleMode::All);
    OF_THE_ORIGINAL.iter().for_each(|name| drop(input.shift_remove(*name)));
    Ok(NewestText { input, content })
}

/// A copy that is to be stored.
struct ItemCopy<'a> {
    original: &'a Item,
    content_type: &'static ContentType,
    /// The id that the copy will have.
    id: String,
    body: ValidatedBody,
    violations: Violations,
}

impl<'a> ItemCopy<'a> {
    /// Validates the copy of an item, as far as that needs no database. Its faults are added to `violations`.
    fn new(
        site: &Site,
        original: &'a Item,
        input: Map<String, Value>,
        mut violations: Violations,
    ) -> Result<Self, Problem> {
        let content_type = content_type_of(original)?;
        let rules = BodyRules { content_type, mode: &LocaleMode::All, site };
        let body = ValidatedBody::read(rules, &input.into(), None, &mut violations);
        Ok(Self { original, content_type, id: new_id(), body, violations })
    }

    /// Returns what is stored. Languages that are hidden or outdated in the original are so in the copy; slugs of other
    /// languages belong to the original.
    fn item_write(self, site: &Site) -> (ItemWrite<'static>, Origin) {
        let (mut translations, states) = (Translations::default(), self.original.translations());
        for locale in &site.locales {
            let state = states.get(locale);
            translations.set(locale, |own| (own.hidden, own.outdated) = (state.hidden, state.outdated));
        }
        let ValidatedBody { slug, content, .. } = self.body;
        let writing = ItemWrite { slug, ..ItemWrite::of(self.content_type, content) };
        (writing, Origin { id: Some(self.id), translations, ..Origin::default() })
    }
}

/// Resolves the references of an item's copy and of those of its children, which follow it. References to items in the
/// trash are copied too, since the originals have them.
///
/// # Errors
///
/// Fails with `Invalid`, which names the faults of all copies, and if a query fails.
fn link(connection: &mut Db, copies: &mut [ItemCopy<'_>]) -> Result<(), Problem> {
    let names = LocalNames::new();
    let wanted: Vec<(&str, &str)> = copies.iter().flat_map(|copy| copy.body.references(&names)).collect();
    let mut found = items::resolve(connection, &wanted, ItemScope::All)?;
    for copy in &*copies {
        found.insert(copy.content_type.kind, &copy.id, ReferenceTarget::of_new(&copy.id));
    }
    let mut faults = Violations::new();
    for (index, copy) in copies.iter_mut().enumerate() {
        copy.body.link(&found, &names, &mut copy.violations);
        let place = match index.checked_sub(1) {
            Some(child) => format!("/{}/{child}", copy.content_type.collection),
            None => String::new(),
        };
        faults.extend_below(&place, std::mem::take(&mut copy.violations));
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}

/// Stores copies as drafts, and returns the first one.
fn store(connection: &mut Db, context: WriteContext<'_>, copies: Vec<ItemCopy<'_>>) -> Result<Item, Problem> {
    let mut group = InsertGroup::default();
    let new = copies.iter().map(|copy| (copy.content_type, copy.body.slug.as_deref(), &copy.body.content));
    group.look_up_slugs(connection, context.site, new)?;
    for copy in copies {
        let (writing, origin) = copy.item_write(context.site);
        group.add(connection, context, writing, origin)?;
    }
    let copy = group.store(connection, context)?.into_iter().next();
    copy.ok_or_else(|| Problem::internal(&"a copy is missing"))
}
