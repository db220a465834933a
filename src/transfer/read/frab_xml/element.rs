//! An element of XML.

use std::collections::HashMap;

use serde_json::Value;

/// An element with its attributes, text and, within an event, its children.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: HashMap<String, String>,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// Returns the first child with a name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// Returns the text of a child, unless it is blank.
    pub fn text_of(&self, name: &str) -> Option<String> {
        self.child(name).map(|c| c.text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Returns the text of a child as JSON; null if it is blank.
    pub fn value_of(&self, name: &str) -> Value {
        self.text_of(name).map_or(Value::Null, Value::from)
    }

    /// Returns an attribute, unless it is blank.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    /// Returns whether the element says nothing.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.children.is_empty() && self.attributes.is_empty()
    }

    /// Returns the children of a list element: `persons > person`.
    pub fn list(&self, name: &str) -> &[Element] {
        self.child(name).map_or(&[], |c| c.children.as_slice())
    }
}
