//! Creations of items: a body is validated before the write transaction, and written within it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::auth::permissions::Action;
use crate::content::rich_text_fields::not_shown_of_item;
use crate::content::violation::{Violation, Violations};
use crate::database::Db;
use crate::editorial::editor::{WriteRequest, WrittenItem, resolve_references};
use crate::editorial::insert::{Origin, insert_with_links};
use crate::editorial::publication_checks::{Publication, PublishedIds};
use crate::editorial::validate::{ContentWithIds, LocalNames, ValidatedBody, public_ids};
use crate::editorial::write::ItemWrite;
use crate::editorial::write_context::require_permission;
use crate::items::KnownReferences;
use crate::problem::{Problem, ProblemKind};

/// A creation that is ready to be written.
#[derive(Clone)]
pub(super) struct Creation {
    pub(super) request: WriteRequest,
    pub(super) body: ValidatedBody,
    /// The violations of the body, which are reported together with dangling references.
    pub(super) violations: Violations,
    /// Notes on the parts of the body's rich texts that are not shown.
    pub(super) not_shown: Vec<Violation>,
}

impl Creation {
    /// Validates a body as far as that needs no database.
    ///
    /// # Errors
    ///
    /// Fails with `Forbidden` if the role may not create items, or may not publish and the body asks for another
    /// status than draft.
    pub(super) fn prepare(request: WriteRequest, input: &Value) -> Result<Self, Problem> {
        let mut violations = Violations::new();
        let body = ValidatedBody::read(request.body_rules(), input, None, &mut violations);
        require_permission(request.role, Action::Create)?;
        if request.content_type.is_singleton() {
            let detail = format!("there is one {}, which exists; change it", request.content_type.noun);
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        if violations.is_empty() && body.status.as_deref().is_some_and(|status| status != "draft") {
            require_permission(request.role, Action::Publish)?;
        }
        let not_shown = match input.as_object().filter(|_| violations.is_empty()) {
            Some(input) => not_shown_of_item(request.content_type.fields, input, &body.content),
            None => Vec::new(),
        };
        Ok(Self { request, body, violations, not_shown })
    }

    /// Creates the item.
    ///
    /// # Errors
    ///
    /// Fails with `Invalid` if the body breaks a rule or lacks something that a publication requires, with
    /// `Conflict` if the slug is taken, and if a statement fails.
    pub(super) fn write(&self, connection: &mut Db) -> Result<WrittenItem, Problem> {
        let (request, violations) = (&self.request, self.violations.clone());
        let ContentWithIds { content, targets } =
            resolve_references(connection, &self.body, &LocalNames::new(), violations)?;
        if self.is_published() {
            require_publishable(connection, request, &content, &public_ids(&targets))?;
        }
        let (item, links) =
            insert_with_links(connection, request.context(), self.item_write(content), Origin::default())?;
        let references = KnownReferences { targets, links: Some(links) };
        Ok(WrittenItem { references, ..WrittenItem::from(item) })
    }

    /// Returns whether the item becomes public.
    pub(super) fn is_published(&self) -> bool {
        self.body.status.as_deref() == Some("published")
    }

    /// Returns what is stored, with this content.
    pub(super) fn item_write<'c>(&self, content: Cow<'c, Map<String, Value>>) -> ItemWrite<'c> {
        let ValidatedBody { slug, slugs, status, .. } = &self.body;
        let (content_type, slugs) = (self.request.content_type, slugs.clone());
        ItemWrite { content_type, slug: slug.clone(), locale: None, slugs, status: status.clone(), content }
    }
}

/// Refuses a content that may not become public. `published` holds the items that count as public.
///
/// # Errors
///
/// Fails with `Invalid`, which names each missing value, and if a query fails.
pub(super) fn require_publishable(
    connection: &mut Db,
    request: &WriteRequest,
    content: &Map<String, Value>,
    published: &PublishedIds,
) -> Result<(), Problem> {
    let (site, content_type) = (&request.site, request.content_type);
    Publication { site, content_type, content, public: None, published }.require(connection)
}
