//! Changes to the attributes of sanitised HTML.
//!
//! The sanitiser writes tag names in lower case, all values in double quotes, and `<` for tags only.

/// The treatment of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeChange {
    Keep,
    /// Another value, escaped as in HTML.
    Set(String),
    Remove,
}

/// Returns sanitised HTML with changed attributes. `change` gets the element, the attribute and its escaped value.
pub fn map_attributes(html: &str, mut change: impl FnMut(&str, &str, &str) -> AttributeChange) -> String {
    let (mut out, mut rest) = (String::with_capacity(html.len()), html);
    while let Some((before, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_at(end_of_tag(tag));
        out.push_str(before);
        out.push('<');
        push_tag(&mut out, tag, &mut change);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Returns the offset of the `>` that ends a tag; one within a value ends none.
pub(super) fn end_of_tag(tag: &str) -> usize {
    let mut quoted = false;
    let ends = |c| {
        quoted ^= c == '"';
        c == '>' && !quoted
    };
    tag.find(ends).unwrap_or(tag.len())
}

fn push_tag(out: &mut String, tag: &str, change: &mut impl FnMut(&str, &str, &str) -> AttributeChange) {
    let element = tag.split(' ').next().unwrap_or_default();
    let mut rest = tag;
    while let Some((before, value)) = rest.split_once("=\"") {
        let Some((value, after)) = value.split_once('"') else { break };
        let (start, name) = before.rsplit_once(' ').unwrap_or(("", before));
        match change(element, name, value) {
            AttributeChange::Keep => out.push_str(&rest[..rest.len() - after.len()]),
            AttributeChange::Set(value) => out.push_str(&format!("{before}=\"{value}\"")),
            AttributeChange::Remove => out.push_str(start),
        }
        rest = after;
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_what_it_is_told() {
        let html = r#"a = "b" <p title="1 > 0" id="x" lang="">x</p><img src="y"><hr>"#;
        let changed = map_attributes(html, |element, name, value| match (element, name, value) {
            ("p", "id", "x") => AttributeChange::Set("y".to_owned()),
            ("p", "lang", "") | ("img", "src", _) => AttributeChange::Remove,
            _ => AttributeChange::Keep,
        });
        assert_eq!(changed, r#"a = "b" <p title="1 > 0" id="y">x</p><img><hr>"#);
        let mut seen = Vec::new();
        let same = map_attributes(html, |element, name, value| {
            seen.push(format!("{element} {name} {value}"));
            AttributeChange::Keep
        });
        assert_eq!((same.as_str(), seen.len()), (html, 4));
        assert_eq!(map_attributes("<b", |_, _, _| AttributeChange::Remove), "<b");
    }
}
