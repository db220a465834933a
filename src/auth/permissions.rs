//! Roles and their permissions. Every write and every non-public read is authorised by the one table here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config::ROLES;

/// A role of an account, from the least to the most privileged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May read all content, drafts included.
    Viewer,
    /// May also create drafts and change its own.
    Contributor,
    /// May also change all drafts: an editor who acts through an agent that may not publish. It is the role of a
    /// request, and never that of an account or an API key.
    #[serde(skip)]
    Agent,
    /// May also publish and change public content.
    Editor,
    /// May also manage accounts and API keys and read the audit log.
    Administrator,
}

impl Role {
    /// The roles of accounts, from the least to the most privileged.
    pub const ALL: [Role; 4] = [Viewer, Contributor, Editor, Administrator];

    /// Returns the name of the role in JSON and in the database.
    pub fn name(self) -> &'static str {
        let [viewer, contributor, editor, administrator] = ROLES;
        match self {
            Viewer => viewer,
            Contributor => contributor,
            Agent => "agent",
            Editor => editor,
            Administrator => administrator,
        }
    }

    /// Returns the role of a request that an agent makes for an account with this role, if agents may not publish.
    pub fn of_agent(self) -> Self {
        self.min(Agent)
    }

    /// Returns the role of a request with the cookie of a session, for an account with this role.
    pub fn of_cookie(self) -> Self {
        self.min(Editor)
    }

    /// Returns the role with this name, if there is one.
    pub fn from_name(word: &str) -> Option<Self> {
        Role::ALL.into_iter().find(|role| role.name() == word)
    }
}

/// An area that permissions are granted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Content of all types: events, sessions, speakers, partners, venues, topics, series, event types and pages.
    Content,
    /// Accounts of editors, and API keys.
    Accounts,
    /// The audit log.
    Audit,
    /// Imports of files.
    Imports,
    /// The log of mails, and templates.
    Mail,
    /// Subscribers and issues of the newsletter.
    Newsletter,
    /// Forms of visitors, and their messages.
    Contact,
}

/// An action that permissions are granted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read content that is not public, the audit log, the log of mails, or messages of visitors.
    Read,
    /// Create drafts.
    Create,
    /// Change any draft; write issues of the newsletter; assign, answer and close messages of visitors.
    Update,
    /// Change drafts that the account created or is assigned to, and submit them for review.
    UpdateOwn,
    /// Comment on items, and announce that one is editing them.
    Comment,
    /// Create preview links to content that is not public.
    Share,
    /// Publish, unpublish or archive items, and change public content; send issues of the newsletter.
    Publish,
    /// Move items to the trash.
    Trash,
    /// Restore items from the trash.
    Restore,
    /// Create, change and close accounts, and manage API keys; ask for imports, follow and cancel them; send test mails;
    /// read, import and erase subscribers; set forms up.
    Manage,
}

use Role::{Administrator, Agent, Contributor, Editor, Viewer};

/// The permissions: area, action, and the roles to which the action is permitted.
pub const TABLE: &[(Area, Action, &[Role])] = &[
    (Area::Content, Action::Read, &[Viewer, Contributor, Agent, Editor, Administrator]),
    (Area::Content, Action::Create, &[Contributor, Agent, Editor, Administrator]),
    (Area::Content, Action::UpdateOwn, &[Contributor, Agent, Editor, Administrator]),
    (Area::Content, Action::Update, &[Agent, Editor, Administrator]),
    (Area::Content, Action::Comment, &[Contributor, Agent, Editor, Administrator]),
    (Area::Content, Action::Share, &[Contributor, Agent, Editor, Administrator]),
    (Area::Content, Action::Publish, &[Editor, Administrator]),
    (Area::Content, Action::Trash, &[Editor, Administrator]),
    (Area::Content, Action::Restore, &[Editor, Administrator]),
    (Area::Accounts, Action::Manage, &[Administrator]),
    (Area::Audit, Action::Read, &[Administrator]),
    (Area::Imports, Action::Manage, &[Administrator]),
    (Area::Mail, Action::Read, &[Administrator]),
    (Area::Mail, Action::Manage, &[Administrator]),
    (Area::Newsletter, Action::Update, &[Editor, Administrator]),
    (Area::Newsletter, Action::Publish, &[Editor, Administrator]),
    (Area::Newsletter, Action::Manage, &[Administrator]),
    (Area::Contact, Action::Read, &[Editor, Administrator]),
    (Area::Contact, Action::Update, &[Editor, Administrator]),
    (Area::Contact, Action::Manage, &[Administrator]),
];

/// Returns whether a role is permitted an action. Whatever the table does not list is forbidden.
pub fn is_permitted(role: Role, area: Area, action: Action) -> bool {
    TABLE.iter().any(|(a, b, roles)| *a == area && *b == action && roles.contains(&role))
}

/// Returns the permissions as a Markdown table for the documentation.
pub fn as_markdown() -> String {
    let mut out = String::from("| area | action | viewer | contributor | agent | editor | administrator |\n");
    out.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
    for (area, action, roles) in TABLE {
        out.push_str(&format!("| {area:?} | {action:?} |"));
        for role in [Viewer, Contributor, Agent, Editor, Administrator] {
            out.push_str(if roles.contains(&role) { " yes |" } else { " |" });
        }
        out.push('\n');
    }
    out
}
