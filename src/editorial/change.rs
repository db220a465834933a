//! Changes of the content of existing items: replacements, patches, and restorations of earlier versions.
//!
//! A change takes one read transaction and one write transaction, whatever others write at the same time:
//!
//! 1. The item is read, with its newest text and, where the change needs it, an earlier one ([`StoredItem`]).
//! 2. Outside of any transaction, the change is applied to that text, merged with later changes if it is based
//!    on an older version, and validated ([`PreparedChange`]). Only one write transaction runs at a time on
//!    all nodes together, and the validation of a long text takes longer than the write itself (see
//!    `docs/decisions/0024-one-change-one-transaction.md`).
//! 3. In the write transaction, the item is read again. If it still has the version of the first step, the
//!    prepared body is written. If another write came between, the change is refused, or, if the client asked
//!    for a merge, prepared anew within this transaction, where nothing can come between any more.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::auth::permissions::Action;
use crate::content::merge_patch;
use crate::content::response_form::{ResponseForm, is_response};
use crate::content::violation::Violations;
use crate::database::Db;
use crate::editorial::batch::{self, EntryTarget, EntryWrite};
use crate::editorial::editor::{Editor, RenderItem, WriteRequest, WriteResult, find};
use crate::editorial::lifecycle;
use crate::editorial::reference_ids::with_ids;
use crate::editorial::three_way_merge::{Merge, as_input};
use crate::editorial::validate::{LocalNames, SLUGS, ValidatedBody, check_patch};
use crate::editorial::write::precondition_failed;
use crate::editorial::write_context::require_permission;
use crate::items::{ExpectedVersions, Item, KnownReferences, projection, working_draft};
use crate::journal::history::{self, State};
use crate::problem::{Problem, ProblemKind};

/// A change of the content of an existing item.
#[derive(Debug, Clone)]
pub enum ItemChange {
    /// A full replacement of all fields (PUT).
    Replace(Value),
    /// A JSON Merge Patch (PATCH, RFC 7396).
    Patch(Value),
    /// The restoration of an earlier version.
    Revision(i64),
}

impl Editor {
    /// Changes the content of an existing item that is at a version that `accepted` accepts. A change that is
    /// based on an older version is merged with the changes made since, if the client asked for it.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the item does not exist; with `PreconditionFailed`, which names what others
    /// changed, if the change is based on an older version and is not or cannot be merged; with `Invalid` if
    /// the resulting body breaks a rule; with `Forbidden` if the role may not make the change; with
    /// `Conflict` if the state of the item does not allow it; and if the database fails.
    pub async fn change(
        &self,
        id_or_slug: &str,
        accepted: ExpectedVersions,
        change: ItemChange,
    ) -> Result<WriteResult, Problem> {
        if let ItemChange::Replace(body) | ItemChange::Patch(body) = &change
            && batch::has_nested(self.request.content_type, body)
        {
            let target = EntryTarget::Stored { key: id_or_slug.to_owned(), accepted };
            let (result, _) = self.write_entry(EntryWrite::Change(target, change), None).await?;
            return Ok(result);
        }
        if let ItemChange::Patch(patch) = &change {
            check_patch(self.request.content_type, patch)?;
        }
        let change = Arc::new(ChangeRequest::new(self.request.clone(), accepted, change, &self.render));
        let (reader, key) = (Arc::clone(&change), id_or_slug.to_owned());
        let read = move |c: &mut Db| {
            let item = find(c, reader.request.content_type, &key)?;
            reader.read(c, item, &LocalNames::new())
        };
        let prepared = change.prepare(self.database.read_item(read).await?)?;
        self.write_and_render(move |c: &mut Db| change.write(c, prepared, &LocalNames::new())).await
    }
}

/// A change as the client requested it.
#[derive(Clone)]
pub(super) struct ChangeRequest {
    pub(super) request: WriteRequest,
    /// The versions on which the change is based (`If-Match`).
    pub(super) accepted: ExpectedVersions,
    pub(super) change: ItemChange,
    /// Whether a change that leads to the present text writes nothing.
    pub(super) unless_same: bool,
    /// Renders the item as the client read it, if the client sends a response back.
    pub(super) render: Option<RenderItem>,
}

/// Applies a merge patch to an item in the form of requests. The slugs by locale are no part of that form, and a null
/// among them is a value: it removes the slug of a locale.
fn apply_patch(current: Map<String, Value>, mut patch: Value) -> Value {
    let slugs = patch.as_object_mut().and_then(|members| members.shift_remove(SLUGS));
    let mut input = Value::Object(current);
    merge_patch::apply(&mut input, patch);
    if let (Some(members), Some(slugs)) = (input.as_object_mut(), slugs) {
        members.insert(SLUGS.to_owned(), slugs);
    }
    input
}

/// An item as read before a change.
pub(super) struct StoredItem {
    item: Item,
    /// The slug of the newest text: that of the working draft if there is one.
    slug: String,
    /// The content of the newest text.
    content: Map<String, Value>,
    requested: RequestedBody,
    /// The item as a response shows it, if the client sends a response back.
    shown: Option<Map<String, Value>>,
    /// The older version on which the change is based, if it is not based on the newest one.
    base: Option<State>,
}

/// The body that a change asks for.
enum RequestedBody {
    /// All fields: those of a replacement, or of a revision that is restored.
    Full(Value),
    /// A merge patch of the text on which the change is based.
    Patch(Value),
}

/// A change that is ready to be written, if the item still has the version of `item`.
#[derive(Clone)]
pub(super) struct PreparedChange {
    pub(super) item: Item,
    /// The slug and the content of the text that the change leads away from, if they are compared with the body.
    pub(super) before: Option<(String, Map<String, Value>)>,
    pub(super) body: ValidatedBody,
    /// The violations of the body, which are reported together with dangling references.
    pub(super) violations: Violations,
    /// Whether the body goes to the item's working draft.
    pub(super) to_working_draft: bool,
}

impl PreparedChange {
    /// Returns whether the body breaks a rule.
    pub(super) fn has_violations(&self) -> bool {
        !self.violations.is_empty()
    }

    /// Returns the violations of the body, without those of references.
    pub(super) fn violations(&self) -> Violations {
        self.violations.clone()
    }
}

impl ChangeRequest {
    /// Creates a change. A replacement by the present text writes nothing; any other change makes a version. `render`
    /// renders an item as the client reads it.
    pub(super) fn new(
        request: WriteRequest,
        accepted: ExpectedVersions,
        change: ItemChange,
        render: &RenderItem,
    ) -> Self {
        let sends_response = matches!(&change, ItemChange::Replace(body) if is_response(body));
        let render = sends_response.then(|| Arc::clone(render));
        let unless_same = matches!(change, ItemChange::Replace(_));
        Self { request, accepted, change, unless_same, render }
    }

    /// Reads the texts of an item that the change needs. `names` are the items of other entries of a batch.
    pub(super) fn read(&self, connection: &mut Db, item: Item, names: &LocalNames) -> Result<StoredItem, Problem> {
        let draft = working_draft::find(connection, &item)?;
        let content = working_draft::newest_content(&item, draft.as_ref());
        let slug = draft.map_or_else(|| item.slug.clone(), |draft| draft.slug);
        let is_late = !self.accepted.accepts(item.latest_version());
        let base = is_late.then(|| self.read_base(connection, &item)).transpose()?;
        let requested = match &self.change {
            ItemChange::Replace(input) => {
                RequestedBody::Full(with_ids(connection, &self.request, input.clone(), names)?)
            }
            ItemChange::Patch(patch) => {
                RequestedBody::Patch(with_ids(connection, &self.request, patch.clone(), names)?)
            }
            ItemChange::Revision(version) => {
                let revision = history::state_at(connection, &item.kind, &item.id, *version)?;
                RequestedBody::Full(self.revision_input(&item, revision).into())
            }
        };
        let shown = match &self.render {
            Some(render) => serde_json::from_str(&render(connection, &item, KnownReferences::default())?).ok(),
            None => None,
        };
        Ok(StoredItem { item, slug, content, requested, shown, base })
    }

    /// Returns the body that restores a revision: its content and its slugs, except that a working draft has no slugs of
    /// its own in other languages.
    fn revision_input(&self, item: &Item, revision: State) -> Map<String, Value> {
        let (fields, mode) = (self.request.content_type.fields, &self.request.mode);
        let mut input = as_input(fields, Some(revision.slug), &revision.content, mode);
        let is_default = |locale: &&String| *locale == self.request.site.default_locale();
        let others = || self.request.site.locales.iter().filter(|locale| !is_default(locale));
        if let Some(slugs) = revision.slugs.filter(|_| !self.is_for_working_draft(item)) {
            let slugs: Map<String, Value> =
                others().map(|locale| (locale.clone(), slugs.get(locale).cloned().into())).collect();
            if !self.request.content_type.is_singleton() && !slugs.is_empty() {
                input.insert(SLUGS.to_owned(), slugs.into());
            }
        }
        input
    }

    /// Returns whether the change goes to the working draft of an item.
    fn is_for_working_draft(&self, item: &Item) -> bool {
        self.request.to_working_draft && (item.status != "draft" || item.has_working_draft())
    }

    /// Reads the older version on which the change is based, as the base of a merge.
    fn read_base(&self, connection: &mut Db, item: &Item) -> Result<State, Problem> {
        let version = match self.change {
            // Restoring a revision replaces everything: there is nothing to merge.
            ItemChange::Revision(_) => None,
            ItemChange::Replace(_) | ItemChange::Patch(_) => self.accepted.newest_version(),
        };
        let Some(version) = version else { return Err(precondition_failed(item)) };
        match history::state_at(connection, &item.kind, &item.id, version) {
            // After a restore of the database, or a failover that lost the newest writes, a client can hold a
            // version that the journal does not have: there is no base for a merge.
            Err(problem) if problem.kind == ProblemKind::NotFound => Err(precondition_failed(item)),
            outcome => outcome,
        }
    }

    /// Computes and validates the body that the change leads to, and checks what does not depend on other rows
    /// than the item's own.
    pub(super) fn prepare(&self, stored: StoredItem) -> Result<PreparedChange, Problem> {
        let (request, StoredItem { item, slug, content, requested, shown, base }) = (&self.request, stored);
        let fields = request.content_type.fields;
        let current = || as_input(fields, request.slug_of(&item, &slug), &content, &request.mode);
        let mut violations = Violations::new();
        let requested = match &shown {
            // Of a response that is older than the item, what the server sets is bound to differ.
            Some(shown) if base.is_some() => self.of_response(requested, shown, &current(), &mut Violations::new()),
            Some(shown) => self.of_response(requested, shown, &current(), &mut violations),
            None => requested,
        };
        let input = match (base, requested) {
            (Some(base), requested) => self.merged_body(&item, current(), &base, requested)?,
            (None, RequestedBody::Full(input)) => input,
            (None, RequestedBody::Patch(patch)) => {
                let mut current = current();
                current.insert("status".to_owned(), item.status.as_str().into());
                apply_patch(current, patch)
            }
        };
        let mut body = ValidatedBody::read(request.body_rules(), &input, Some(&content), &mut violations);
        body.keep_references(projection::targets(request.content_type, &content));
        let to_working_draft = self.is_for_working_draft(&item);
        let before = self.unless_same.then_some((slug, content));
        let prepared = PreparedChange { item, before, body, violations, to_working_draft };
        self.check(&prepared)?;
        Ok(prepared)
    }

    /// Returns the body in the form of requests, if it is a response that the client sends back.
    fn of_response(
        &self,
        requested: RequestedBody,
        shown: &Map<String, Value>,
        current: &Map<String, Value>,
        violations: &mut Violations,
    ) -> RequestedBody {
        let (fields, mode) = (self.request.content_type.fields, &self.request.mode);
        match requested {
            RequestedBody::Full(Value::Object(given)) => {
                RequestedBody::Full(ResponseForm { fields, mode, shown, current }.input_form(&given, violations).into())
            }
            other => other,
        }
    }

    /// Refuses a change that the item's state or the role does not allow.
    fn check(&self, prepared: &PreparedChange) -> Result<(), Problem> {
        let PreparedChange { item, body, violations, to_working_draft, .. } = prepared;
        if item.trashed_at != 0 {
            return Err(Problem::new(ProblemKind::Conflict, "the item is in the trash; restore it first"));
        }
        let status_changes = body.status.as_deref().is_some_and(|status| status != item.status);
        let is_public = (item.status == "published" && !to_working_draft) || item.stage == "scheduled";
        if is_public || (violations.is_empty() && status_changes) {
            require_permission(self.request.role, Action::Publish)?;
        }
        if self.request.content_type.is_singleton() {
            self.check_only_item(item, body, status_changes)?;
        }
        if *to_working_draft && status_changes {
            let detail = "a working draft has no status; use the publish operation";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        let sets_other_slug =
            self.request.slug_locale().is_some() && body.slug != self.request.slug_of(item, &item.slug);
        if *to_working_draft && (sets_other_slug || !body.slugs.is_empty()) {
            let place = if sets_other_slug { "/slug" } else { "/slugs" };
            return Err(Problem::invalid(Violations::one(
                place,
                "not_in_draft",
                "slugs in other languages cannot be changed with view=draft",
            )));
        }
        Ok(())
    }

    /// Refuses another status or slug of an item of which there is one.
    fn check_only_item(&self, item: &Item, body: &ValidatedBody, status_changes: bool) -> Result<(), Problem> {
        if status_changes {
            return Err(Problem::new(ProblemKind::Conflict, lifecycle::ALWAYS_PUBLIC));
        }
        let keeps_slug = body.slug.is_none() || body.slug == self.request.slug_of(item, &item.slug);
        match keeps_slug && body.slugs.is_empty() {
            true => Ok(()),
            false => {
                let rule = "the slug of the settings stays";
                Err(Problem::invalid(Violations::one("/slug", "read_only", rule)))
            }
        }
    }

    /// Computes the full body of a change that is based on an older version, by a three-way merge with the
    /// changes made since. `current` is the newest text.
    fn merged_body(
        &self,
        item: &Item,
        current: Map<String, Value>,
        base: &State,
        requested: RequestedBody,
    ) -> Result<Value, Problem> {
        // The journal has former slugs in the default locale only. In another locale, the current slug stands
        // for the base as well, so that a request without a change of the slug leaves it alone.
        let slug = self.request.slug_of(item, &base.slug);
        let base = as_input(self.request.content_type.fields, slug.clone(), &base.content, &self.request.mode);
        let mut requested = match requested {
            // The patch is applied to the base, the text that its author saw.
            RequestedBody::Patch(patch) => apply_patch(base.clone(), patch),
            RequestedBody::Full(mut input) => {
                // A replacement without a slug keeps the slug; without this, it would count as a removal.
                if let (Some(object), Some(slug)) = (input.as_object_mut(), slug) {
                    object.entry("slug").or_insert(slug.into());
                }
                input
            }
        };
        let Some(fields) = requested.as_object_mut() else { return Ok(requested) };
        // The status takes no part in the merge, since base and current do not contain it.
        let status = fields.shift_remove("status").unwrap_or_else(|| item.status.as_str().into());
        let requested = std::mem::take(fields);
        let mut merged = Merge { base, current, requested }.apply(item, self.request.merge)?;
        merged.insert("status".to_owned(), status);
        Ok(Value::Object(merged))
    }
}
