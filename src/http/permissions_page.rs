//! The page of the documentation that says who may do what, printed from the code.

use super::route::{Access, Route};
use crate::auth::permissions::as_markdown;
use crate::editorial::life::Operation;
use crate::resources::ALL;

/// The whole page, as Markdown.
pub fn page() -> String {
    let mut out = String::from(
        "# Who may do what\n\nPrinted from the code by `plenary permissions`; a test compares it, and another tries every \
         operation with every role and with none.\n\n## Roles\n\n`Content` is all kinds alike. `UpdateOwn` is changing \
         what one made or was assigned to; where the text is public or scheduled already, changing it wants `Publish` \
         (a working draft is neither). An API key does what its role may, in its collections.\n\n",
    );
    out.push_str(&as_markdown());
    out.push_str("\n## Steps in an item's life\n\n| step | wants | from |\n| --- | --- | --- |\n");
    let schedule = Operation::Schedule { publish_at: Some(0), unpublish_at: None };
    for step in Operation::PLAIN.into_iter().chain([schedule]) {
        out.push_str(&format!("| `{}` | {:?} | {} |\n", step.word(), step.action(), from(step)));
    }
    out.push_str(
        "\n## Operations\n\nThose of events stand for those of all kinds.\n\n| operation | who |\n| --- | --- |\n",
    );
    for route in super::routes().iter().filter(|route| !is_of_another_kind(route)) {
        out.push_str(&format!("| `{} {}` | {} |\n", route.method, route.path, who(route.access)));
    }
    out
}

fn from(step: Operation) -> &'static str {
    match step {
        Operation::Submit => "a draft or working draft that is not in review",
        Operation::Withdraw | Operation::Reject => "in review",
        Operation::Publish => "anything that is not published as it is",
        Operation::Schedule { .. } => "the same; `unpublish_at` alone: published",
        Operation::Unschedule => "anything that is scheduled",
        Operation::Unpublish => "published, archived",
        Operation::Archive => "anything that is not archived",
        Operation::Discard => "anything with a working draft; somebody else's wants Publish",
        Operation::Trash => "anything that is not in the trash",
        Operation::Restore => "the trash",
    }
}

fn is_of_another_kind(route: &Route) -> bool {
    let collection = route.path.strip_prefix("/api/v1/").and_then(|rest| rest.split('/').next());
    ALL.iter().skip(1).any(|resource| Some(resource.collection) == collection)
}

fn who(access: Access) -> String {
    match access {
        Access::Open => "anybody".to_owned(),
        Access::Public => "anybody; with a token, more is seen".to_owned(),
        Access::LoggedIn => "anybody who is logged in".to_owned(),
        Access::Session => "anybody who is logged in, not with a key".to_owned(),
        Access::May(area, action) => format!("{area:?}: {action:?}"),
    }
}
