//! The endpoints of contact: forms of visitors, and the inbox of the editors.

mod forms;
mod messages;
mod visitors;

pub use forms::ContactFormList;

pub use crate::contact::form_fields::FORM;
pub use messages::{ANSWER, ContactMessagePage, MESSAGE_CHANGE};
pub use visitors::{MESSAGE, PublicForm};

use crate::http::route::Route;

const TAG: &str = "Contact";

/// Returns the routes of contact.
pub fn routes() -> Vec<Route> {
    let mut routes = visitors::routes();
    routes.extend(forms::routes());
    routes.extend(messages::routes());
    routes
}
