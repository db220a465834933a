//! A streaming YAML reader, bounded against files that grow when they are read: aliases, depth and size.

use std::cell::RefCell;

use serde_saphyr::{budget, options, with_deserializer_from_reader_with_options};

use super::json_stream::{ElementHandler, walk};
use super::{Sink, SinkClosed};

/// Greatest size of a file, in bytes.
const MOST_BYTES: usize = 64 * 1_024 * 1_024;
/// Greatest number of values.
const MOST_NODES: usize = 5_000_000;
/// Greatest depth of values within each other.
const DEEPEST: usize = 32;

/// Reads a YAML text of one document. A fault is reported to the sink and ends the reading. Returns whether the text was
/// read to its end.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn read(input: impl std::io::Read, listener: &mut dyn ElementHandler, sink: &Sink) -> Result<bool, SinkClosed> {
    let bounds = budget! {
        max_reader_input_bytes: Some(MOST_BYTES),
        max_events: 2 * MOST_NODES,
        max_nodes: MOST_NODES,
        max_depth: DEEPEST,
    };
    let closed = RefCell::new(false);
    // `NO` is a country: only `true` and `false` are no strings (YAML 1.2.2, section 10.3.2).
    let options = options! { budget: bounds, with_snippet: false, strict_booleans: true };
    let read = with_deserializer_from_reader_with_options(input, options, |yaml| walk(yaml, listener, &closed));
    match read {
        Ok(()) => Ok(true),
        Err(_) if *closed.borrow() => Err(SinkClosed),
        Err(error) => {
            let line = format!("line {}", error.location().map_or(1, |place| place.line()));
            let message = error.without_snippet().to_string();
            if message.starts_with("budget breached") {
                let message = "the file has more, deeper or more often repeated values than an import reads";
                return sink.report_broken(line, "too_large", message).map(|()| false);
            }
            sink.report_broken(line, "malformed_yaml", message).map(|()| false)
        }
    }
}
