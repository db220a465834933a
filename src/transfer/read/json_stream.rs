//! A streaming JSON reader. Only the current element is in memory, so the text can be of any size.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{Sink, SinkClosed};

/// A receiver of the elements of arrays and objects. `path` is the position of an element.
pub trait ElementHandler {
    /// Returns whether the entries of the value at this path are to be received one by one (`true`) or the
    /// value as a whole.
    fn enters(&self, path: &[String]) -> bool;

    /// Receives a whole value.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    fn hear(&mut self, path: &[String], value: Value) -> Result<(), SinkClosed>;
}

/// Reads a JSON text of one value. A syntax error, or what follows the value, is reported to the sink and ends the
/// reading. Returns whether the text was read to its end.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn read(input: impl std::io::Read, listener: &mut dyn ElementHandler, sink: &Sink) -> Result<bool, SinkClosed> {
    let closed = RefCell::new(false);
    let mut reader = serde_json::Deserializer::from_reader(input);
    match walk(&mut reader, listener, &closed).and_then(|()| reader.end()) {
        Ok(()) => Ok(true),
        Err(_) if *closed.borrow() => Err(SinkClosed),
        Err(error) => {
            sink.report_broken(format!("line {}", error.line()), "malformed_json", error.to_string()).map(|()| false)
        }
    }
}

/// Reads a JSON text up to its end or to a syntax error, which is not reported.
///
/// # Errors
/// Returns [`SinkClosed`] if the listener does.
pub fn scan(input: impl std::io::Read, listener: &mut dyn ElementHandler) -> Result<(), SinkClosed> {
    let closed = RefCell::new(false);
    let _ = walk(&mut serde_json::Deserializer::from_reader(input), listener, &closed);
    if *closed.borrow() { Err(SinkClosed) } else { Ok(()) }
}

/// Walks through a text of any form of the same data model, and sends its elements to a receiver. Sets `closed` if the
/// import has ended, which is an error too.
///
/// # Errors
/// Returns the error of the text.
pub fn walk<'de, D: Deserializer<'de>>(
    reader: D,
    listener: &mut dyn ElementHandler,
    closed: &RefCell<bool>,
) -> Result<(), D::Error> {
    Walk { listener, path: &mut Vec::new(), closed }.deserialize(reader)
}

/// Returns the path of an element as a JSON Pointer, for reports.
pub fn place(path: &[String]) -> String {
    path.iter().fold(String::new(), |all, part| crate::content::violation::child_pointer(&all, part))
}

struct Walk<'a> {
    listener: &'a mut dyn ElementHandler,
    path: &'a mut Vec<String>,
    closed: &'a RefCell<bool>,
}

impl Walk<'_> {
    fn step<E: Error>(&mut self, part: String, next: impl FnOnce(Walk<'_>) -> Result<(), E>) -> Result<(), E> {
        self.path.push(part);
        let done = next(Walk { listener: self.listener, path: self.path, closed: self.closed });
        self.path.pop();
        done
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.listener.enters(self.path) {
            return deserializer.deserialize_any(self);
        }
        let value = <Value as serde::Deserialize>::deserialize(deserializer)?;
        self.listener.hear(self.path, value).map_err(|SinkClosed| {
            *self.closed.borrow_mut() = true;
            D::Error::custom("closed")
        })
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array or an object at \"{}\"", place(self.path))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        for index in 0.. {
            let mut more = false;
            self.step(index.to_string(), |walk| {
                more = items.next_element_seed(walk)?.is_some();
                Ok(())
            })?;
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        while let Some(name) = entries.next_key::<String>()? {
            self.step(name, |walk| entries.next_value_seed(walk))?;
        }
        Ok(())
    }

    // A value that is no array and no object has no entries.

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}
