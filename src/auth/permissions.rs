//! Who may do what: the one table that every write and every private read goes through.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an account is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads everything, drafts included.
    Viewer,
    /// Writes drafts.
    Contributor,
    /// Publishes, and changes what is public.
    Editor,
    /// Manages accounts as well.
    Administrator,
}

impl Role {
    /// All roles, from the least trusted.
    pub const ALL: [Role; 4] = [Role::Viewer, Role::Contributor, Role::Editor, Role::Administrator];

    /// The word in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Contributor => "contributor",
            Role::Editor => "editor",
            Role::Administrator => "administrator",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// What is acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Events, sessions, speakers, partners, venues, topics, series, event types: all alike.
    Content,
    /// Accounts of editors, and API keys.
    Accounts,
    /// The journal of who did what.
    Audit,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See what is not public.
    Read,
    /// Make a draft.
    Create,
    /// Change drafts, whoever made them.
    Update,
    /// Change drafts that one made or is assigned to; submit them for review.
    UpdateOwn,
    /// Comment on items, say that one is editing them.
    Comment,
    /// Make links by which others see what is not public yet.
    Share,
    /// Publish, unpublish, archive, or change what is public.
    Publish,
    /// Move to the trash.
    Trash,
    /// Take out of the trash.
    Restore,
    /// Create, change and close accounts.
    Manage,
}

use Role::{Administrator, Contributor, Editor, Viewer};

/// The table: area, action, who may.
pub const TABLE: &[(Area, Action, &[Role])] = &[
    (Area::Content, Action::Read, &[Viewer, Contributor, Editor, Administrator]),
    (Area::Content, Action::Create, &[Contributor, Editor, Administrator]),
    (Area::Content, Action::UpdateOwn, &[Contributor, Editor, Administrator]),
    (Area::Content, Action::Update, &[Editor, Administrator]),
    (Area::Content, Action::Comment, &[Contributor, Editor, Administrator]),
    (Area::Content, Action::Share, &[Contributor, Editor, Administrator]),
    (Area::Content, Action::Publish, &[Editor, Administrator]),
    (Area::Content, Action::Trash, &[Editor, Administrator]),
    (Area::Content, Action::Restore, &[Editor, Administrator]),
    (Area::Accounts, Action::Manage, &[Administrator]),
    (Area::Audit, Action::Read, &[Administrator]),
];

/// Whether a role may do this; what the table does not name is forbidden.
pub fn may(role: Role, area: Area, action: Action) -> bool {
    TABLE.iter().any(|(a, b, roles)| *a == area && *b == action && roles.contains(&role))
}

/// The table as Markdown, for the documentation.
pub fn as_markdown() -> String {
    let mut out = String::from("| area | action | viewer | contributor | editor | administrator |\n");
    out.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for (area, action, roles) in TABLE {
        out.push_str(&format!("| {area:?} | {action:?} |"));
        for role in Role::ALL {
            out.push_str(if roles.contains(&role) { " yes |" } else { " |" });
        }
        out.push('\n');
    }
    out
}
