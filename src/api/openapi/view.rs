//! The views of the OpenAPI document: parts of one registration of routes, for different readers.

use crate::http::route::Route;

/// A view of the OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentView {
    /// All operations.
    All,
    /// The operations and parameters with which frontends read published content.
    Delivery,
}

impl DocumentView {
    /// All views.
    pub const ALL: [DocumentView; 2] = [DocumentView::All, DocumentView::Delivery];

    /// Returns the name of the view on the command line.
    pub fn name(self) -> &'static str {
        match self {
            DocumentView::All => "all",
            DocumentView::Delivery => "delivery",
        }
    }

    /// Returns the view with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        DocumentView::ALL.into_iter().find(|view| view.name() == name)
    }

    /// Returns whether the view has the operation of a route.
    pub fn has(self, route: &Route) -> bool {
        self == DocumentView::All || route.is_for_delivery()
    }

    /// Returns the title of the document.
    pub fn title(self) -> &'static str {
        match self {
            DocumentView::All => "Plenary",
            DocumentView::Delivery => "Plenary delivery",
        }
    }
}
