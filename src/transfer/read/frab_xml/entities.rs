//! The entities of a file: those that it declares, those of XML, and those of HTML, which programs write without a
//! declaration. None is dropped, and nothing outside the file is ever read for one.

use std::collections::{BTreeSet, HashMap};

use quick_xml::escape::{resolve_html5_entity, resolve_xml_entity};

/// Greatest number of entities that a file may declare.
const MOST: usize = 10_000;
/// Greatest depth of entities within entities.
const DEEPEST: usize = 16;
/// Greatest length of a name, in bytes. What is longer is no reference.
const LONGEST_NAME: usize = 99;
/// Number of bytes to which all entities of a file may expand. It bounds time and memory for a hostile file, in which
/// each entity names the one before it several times.
const LONGEST: usize = 5_000_000;

/// The entities of a file.
#[derive(Debug)]
pub struct Entities {
    declared: HashMap<String, String>,
    /// Number of bytes that may still be expanded.
    left: usize,
    /// Names that were noted.
    noted: BTreeSet<String>,
}

/// A text whose references are expanded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExpandedText {
    pub text: String,
    /// Notes on how references were read: code and message.
    pub notes: Vec<(&'static str, String)>,
}

/// The error that the entities of a file expand to more than is allowed.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Default for Entities {
    fn default() -> Self {
        Self { declared: HashMap::new(), left: LONGEST, noted: BTreeSet::new() }
    }
}

impl Entities {
    /// Reads the declarations within a document type (XML 1.0, section 4.2). Those of parameters and of other files are
    /// passed over; the first of two declarations of one name counts.
    pub fn declare(&mut self, document_type: &str) {
        let whole = without_comments(document_type);
        let mut rest = whole.as_str();
        while let Some((_, declaration)) = rest.split_once("<!ENTITY") {
            let text = declaration.trim_start();
            let name: String = text.chars().take_while(|c| !c.is_whitespace() && *c != '>').collect();
            let value = text[name.len()..].trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
            let end = quote.and_then(|quote| Some(value[1..].find(quote)? + 1));
            if let Some(end) = end.filter(|_| name != "%" && self.declared.len() < MOST) {
                let literal = value[1..end].to_owned();
                self.declared.entry(name).or_insert(literal);
            }
            rest = &value[end.map_or(0, |end| end + 1)..];
        }
    }

    /// Expands the references in a text.
    ///
    /// # Errors
    /// Fails if the entities of the file expand to more than is allowed.
    pub fn expand(&mut self, raw: &str) -> Result<ExpandedText, TooLarge> {
        let mut expanded = ExpandedText::default();
        self.expand_into(raw, 0, &mut expanded)?;
        Ok(expanded)
    }

    fn expand_into(&mut self, raw: &str, depth: usize, out: &mut ExpandedText) -> Result<(), TooLarge> {
        let mut rest = raw;
        while let Some((before, after)) = rest.split_once('&') {
            out.text.push_str(before);
            match reference_at(after) {
                Some((name, behind)) => {
                    self.reference(name, depth, out)?;
                    rest = behind;
                }
                None => {
                    out.text.push('&');
                    rest = after;
                }
            }
        }
        out.text.push_str(rest);
        Ok(())
    }

    /// Adds what a reference stands for. One that is not known stays as it is written.
    fn reference(&mut self, name: &str, depth: usize, out: &mut ExpandedText) -> Result<(), TooLarge> {
        if let Some(letter) = letter(name) {
            out.text.push(letter);
            return Ok(());
        }
        if let Some(text) = resolve_xml_entity(name) {
            out.text.push_str(text);
            return Ok(());
        }
        if let Some(value) = self.declared.get(name).cloned() {
            self.left = self.left.checked_sub(value.len() + 1).filter(|_| depth < DEEPEST).ok_or(TooLarge)?;
            return self.expand_into(&value, depth + 1, out);
        }
        let known = resolve_html5_entity(name);
        match known {
            Some(text) => out.text.push_str(text),
            None => out.text.extend(["&", name, ";"]),
        }
        if self.noted.len() < MOST && self.noted.insert(name.to_owned()) {
            out.notes.push(match known {
                Some(text) => ("html_entity", format!("&{name}; is not declared; it is read as in HTML: {text}")),
                None => {
                    ("unknown_entity", format!("&{name}; is not declared in this file; it is kept as it is written"))
                }
            });
        }
        Ok(())
    }
}

/// Returns a document type without its comments.
fn without_comments(text: &str) -> String {
    let mut parts = text.split("<!--");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once("-->").map_or("", |(_, behind)| behind))
}

/// Returns the reference with which a text after `&` begins, and what is behind it. A text without `;` is not searched to
/// its end, which would take long where it has many `&`.
fn reference_at(after: &str) -> Option<(&str, &str)> {
    let end = after.bytes().take(LONGEST_NAME + 1).position(|byte| byte == b';')?;
    let name = &after[..end];
    is_reference(name).then(|| (name, &after[end + 1..]))
}

/// Returns whether what stands between `&` and `;` is a name or a number.
fn is_reference(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "&<>\"'=".contains(c))
}

/// Returns the letter of a reference by number (XML 1.0, section 4.1).
fn letter(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code).filter(|letter| *letter != '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(entities: &mut Entities, raw: &str) -> String {
        entities.expand(raw).unwrap().text
    }

    #[test]
    fn no_entity_is_dropped() {
        let mut entities = Entities::default();
        entities.declare(
            "schedule [<!-- <!ENTITY no \"x\"> --> <!ENTITY co \"Company\"><!ENTITY all 'the &co; &#38; M&uuml;ller'>\n\
             <!ENTITY co \"Second\"> <!ENTITY % part \"y\"> <!ENTITY other SYSTEM \"file:///nowhere\">]",
        );
        assert_eq!(text(&mut entities, "A &co; B"), "A Company B");
        assert_eq!(text(&mut entities, "&all;"), "the Company & Müller");
        assert_eq!(text(&mut entities, "Caf&eacute; &#x26; &amp;&lt;&#233;"), "Café & &<é");
        assert_eq!(text(&mut entities, "&other; &no; &#0; R&D, a & b; &"), "&other; &no; &#0; R&D, a & b; &");
        let notes = Entities::default().expand("&uuml;&uuml;&strange;").unwrap().notes;
        assert_eq!(notes.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["html_entity", "unknown_entity"]);
    }

    #[test]
    fn a_reference_ends_soon() {
        let (longest, longer) = ("x".repeat(LONGEST_NAME), "x".repeat(LONGEST_NAME + 1));
        assert_eq!(reference_at(&format!("{longest}; y")), Some((longest.as_str(), " y")));
        assert_eq!(reference_at(&format!("{longer}; y")), None);
        assert_eq!(reference_at(&"ü;".repeat(3)), Some(("ü", "ü;ü;")));
        let mut entities = Entities::default();
        entities.declare(&format!("<!ENTITY {longest} \"long\"><!ENTITY {longer} \"longer\">"));
        assert_eq!(text(&mut entities, &format!("&{longest};&{longer};")), format!("long&{longer};"));
        assert_eq!(text(&mut entities, &"&".repeat(300)), "&".repeat(300));
    }

    /// Each entity names the one before it twice: 30 of them would be a thousand million letters.
    #[test]
    fn entities_grow_within_bounds() {
        let declared = (1..30).fold("<!ENTITY e0 \"xy\">".to_owned(), |text, level| {
            format!("{text}<!ENTITY e{level} \"&e{before};&e{before};\">", before = level - 1)
        });
        let mut entities = Entities::default();
        entities.declare(&declared);
        assert_eq!(text(&mut entities, "&e3;"), "xy".repeat(8));
        assert_eq!(entities.expand("&e29;"), Err(TooLarge));
        let mut circle = Entities::default();
        circle.declare("<!ENTITY a \"&b;\"><!ENTITY b \"&a;\">");
        assert_eq!(circle.expand("&a;"), Err(TooLarge));
        let mut many = Entities::default();
        many.declare(&format!("<!ENTITY long \"{}\">", "x".repeat(100_000)));
        assert!((0..49).all(|_| many.expand("&long;").is_ok()), "a file may use its entities");
        assert_eq!(many.expand("&long;"), Err(TooLarge));
    }
}
