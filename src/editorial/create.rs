//! Creations of items: a body is validated before the write transaction, and written within it.

use serde_json::Value;

use crate::auth::permissions::Action;
use crate::content::translations::Translations;
use crate::content::violation::Violations;
use crate::database::Db;
use crate::editorial::editor::{WriteRequest, Written, resolve_references};
use crate::editorial::insert::{Origin, insert};
use crate::editorial::publication_checks::{Publication, PublishedIds};
use crate::editorial::validate::{LocalNames, ValidatedBody};
use crate::editorial::write::ItemWrite;
use crate::editorial::write_context::require_permission;
use crate::items::{KnownReferences, projection};
use crate::problem::{Problem, ProblemKind};

/// A creation that is ready to be written.
#[derive(Clone)]
pub(super) struct Creation {
    pub(super) request: WriteRequest,
    pub(super) body: ValidatedBody,
    /// The violations of the body, which are reported together with dangling references.
    pub(super) violations: Violations,
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
        Ok(Self { request, body, violations })
    }

    /// Creates the item.
    ///
    /// # Errors
    ///
    /// Fails with `Invalid` if the body breaks a rule or lacks something that a publication requires, with
    /// `Conflict` if the slug is taken, and if a statement fails.
    pub(super) fn write(self, connection: &mut Db) -> Result<Written, Problem> {
        let Self { request, body, violations } = self;
        let body = resolve_references(connection, body, &LocalNames::new(), violations)?;
        if body.status.as_deref() == Some("published") {
            require_publishable(connection, &request, &body, &body.published_targets())?;
        }
        let ValidatedBody { slug, slugs, status, content, targets, .. } = body;
        let links = projection::links("", request.content_type, &content, &Translations::default(), &request.site);
        let references = KnownReferences { targets, links: Some(links) };
        let writing = ItemWrite { content_type: request.content_type, slug, locale: None, slugs, status, content };
        let item = insert(connection, request.context(), writing, Origin::default())?;
        Ok(Written { references, ..Written::from(item) })
    }
}

/// Refuses a body that may not become public. `published` holds the items that count as public.
///
/// # Errors
///
/// Fails with `Invalid`, which names each missing value, and if a query fails.
pub(super) fn require_publishable(
    connection: &mut Db,
    request: &WriteRequest,
    body: &ValidatedBody,
    published: &PublishedIds,
) -> Result<(), Problem> {
    let (site, content_type) = (&request.site, request.content_type);
    Publication { site, content_type, content: &body.content, public: None, published }.require(connection)
}
