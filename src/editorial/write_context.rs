//! The context of a write, and the checks of its author's permissions.

use crate::auth::permissions::{Action, Area, Role, is_permitted};
use crate::content::Site;
use crate::database::Db;
use crate::editorial::wide_redirects::RedirectMemo;
use crate::editorial::{ownership, releases};
use crate::items::Item;
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

/// The context of a write: the site, the author and the author's role.
#[derive(Clone, Copy)]
pub struct WriteContext<'a> {
    /// The configuration of the site.
    pub site: &'a Site,
    /// The author, as the journal records it.
    pub author: &'a Author,
    /// The role of the author. The scheduler has none and passes every check: the plan that it carries out
    /// was checked when an editor made it.
    pub role: Option<Role>,
    /// What the checks of redirects compare, if the transaction writes many of them.
    pub redirects: Option<&'a RedirectMemo>,
}

impl<'a> WriteContext<'a> {
    /// Returns the context of a write by an account with a role.
    pub fn of_role(site: &'a Site, author: &'a Author, role: Role) -> Self {
        Self { site, author, role: Some(role), redirects: None }
    }

    /// Returns the context of a write that no role limits: that of a plan, an import or a job.
    pub fn without_role(site: &'a Site, author: &'a Author) -> Self {
        Self { site, author, role: None, redirects: None }
    }

    /// Refuses an action that the author may not take on this item.
    ///
    /// # Errors
    ///
    /// Fails with `Forbidden` if the role lacks the permission, or has it only for the author's own items and
    /// this item belongs to somebody else; and if a query fails.
    pub fn authorize(&self, connection: &mut Db, item: &Item, action: Action) -> Result<(), Problem> {
        let Some(role) = self.role else { return Ok(()) };
        if action != Action::UpdateOwn || is_permitted(role, Area::Content, Action::Update) {
            return require_permission(role, action);
        }
        require_permission(role, action)?;
        if ownership::is_own(connection, item, self.author.account_id.as_deref())? {
            return Ok(());
        }
        let detail = "contributors change only items that they created or are assigned to";
        Err(Problem::new(ProblemKind::Forbidden, detail))
    }

    /// Refuses a change of an item that is public, or will be by a plan, by an author who may not publish.
    ///
    /// # Errors
    ///
    /// Fails with `Forbidden` if the role lacks the permission, and if a query fails.
    pub fn require_publish_if_public(&self, connection: &mut Db, item: &Item) -> Result<(), Problem> {
        match item.status == "published" {
            true => self.require_publish(),
            false => self.require_publish_if_scheduled(connection, item),
        }
    }

    /// Refuses a change of what a plan will publish by an author who may not publish.
    ///
    /// # Errors
    ///
    /// Fails with `Forbidden` if the role lacks the permission, and if a query fails.
    pub fn require_publish_if_scheduled(&self, connection: &mut Db, item: &Item) -> Result<(), Problem> {
        let refusal = self.require_publish();
        if refusal.is_err() && (item.stage == "scheduled" || releases::will_publish(connection, &item.id)?) {
            return refusal;
        }
        Ok(())
    }

    /// Refuses a change by an author who may not publish.
    ///
    /// # Errors
    ///
    /// Fails with `Forbidden` if the role lacks the permission.
    pub fn require_publish(&self) -> Result<(), Problem> {
        self.role.map_or(Ok(()), |role| require_permission(role, Action::Publish))
    }
}

/// Refuses an action that the role may not take on any item.
///
/// # Errors
///
/// Fails with `Forbidden` if the role lacks the permission.
pub fn require_permission(role: Role, action: Action) -> Result<(), Problem> {
    if is_permitted(role, Area::Content, action) {
        return Ok(());
    }
    let detail = match action {
        Action::Publish if role == Role::Agent => {
            "agents neither publish on this site nor change what is public or scheduled; an editor does"
        }
        Action::Publish => "publishing, and changing what is public or scheduled, requires the role editor",
        _ => "the role of this account does not permit this operation",
    };
    Err(Problem::new(ProblemKind::Forbidden, detail))
}
