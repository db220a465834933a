//! The channel from a reader to the database.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::content::slug::is_id;
use crate::content::violation::Violation;
use crate::transfer::record::{
    Cancellation, ExportedForm, ExportedIssue, ExportedItem, ImportEntry, Record, SourceRevision,
};
use crate::transfer::report::{LEFT_OUT, NoteGroup, ON_PURPOSE};

/// Greatest number of properties that are counted; further ones are counted together.
const MOST_PROPERTIES: usize = 1_000;

/// The error that the import has ended and no entry is received any more.
#[derive(Debug)]
pub struct SinkClosed;

/// The channel to which a reader sends its entries.
pub struct Sink {
    entries: flume::Sender<ImportEntry>,
    /// What was not taken, by code and property.
    left_out: RefCell<BTreeMap<(&'static str, String), NoteGroup>>,
    origin: RefCell<String>,
    own_ids: RefCell<Vec<String>>,
    own_event: RefCell<Option<String>>,
}

impl Sink {
    /// Creates a sink that sends to a channel.
    pub fn new(entries: flume::Sender<ImportEntry>) -> Self {
        let (left_out, origin) = (RefCell::default(), RefCell::default());
        Self { entries, left_out, origin, own_ids: RefCell::default(), own_event: RefCell::default() }
    }

    /// Sets the name of the file's source, which all further records get.
    pub fn set_origin(&self, origin: &str) {
        origin.clone_into(&mut self.origin.borrow_mut());
    }

    /// Sets ids of which one may be that of the item of this site that all further records are, or of which they are
    /// parts.
    pub fn set_own_ids(&self, ids: &[Option<String>]) {
        let ids = ids.iter().flatten().filter(|id| is_id(id)).map(|id| id.to_ascii_lowercase());
        *self.own_ids.borrow_mut() = ids.collect();
    }

    /// Sets the id of the event of this site whose programme the file may be.
    pub fn set_own_event(&self, id: Option<String>) {
        *self.own_event.borrow_mut() = id.filter(|id| is_id(id)).map(|id| id.to_ascii_lowercase());
    }

    /// Returns the ids that [`Sink::set_own_ids`] set.
    pub fn own_ids(&self) -> Vec<String> {
        self.own_ids.borrow().clone()
    }

    fn send(&self, entry: ImportEntry) -> Result<(), SinkClosed> {
        self.entries.send(entry).map_err(|_| SinkClosed)
    }

    /// Sends a record.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended, as the other functions do.
    pub fn record(&self, mut record: Record) -> Result<(), SinkClosed> {
        record.origin.clone_from(&self.origin.borrow());
        record.own_event.clone_from(&self.own_event.borrow());
        if record.own_ids.is_empty() {
            record.own_ids.clone_from(&self.own_ids.borrow());
        }
        self.send(ImportEntry::Record(Box::new(record)))
    }

    /// Sends an item of Plenary's own export.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn send_exported(&self, place: String, item: ExportedItem) -> Result<(), SinkClosed> {
        self.send(ImportEntry::Exported { place, item: Box::new(item) })
    }

    /// Sends a contact form of an export.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn exported_form(&self, place: String, form: ExportedForm) -> Result<(), SinkClosed> {
        self.send(ImportEntry::ExportedForm { place, form: Box::new(form) })
    }

    /// Sends an issue of the newsletter of an export.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn exported_issue(&self, place: String, issue: ExportedIssue) -> Result<(), SinkClosed> {
        self.send(ImportEntry::ExportedIssue { place, issue: Box::new(issue) })
    }

    /// Reports a part of the file from which no record can be read.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn report_broken(
        &self,
        place: impl Into<String>,
        code: &str,
        message: impl Into<String>,
    ) -> Result<(), SinkClosed> {
        let fault = Violation { pointer: String::new(), code: code.to_owned(), message: message.into() };
        self.send(ImportEntry::Broken { place: place.into(), fault, record: None })
    }

    /// Reports a record that cannot be taken, given its kind and source. Since the file has it, it is not missing.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn report_refused(
        &self,
        place: impl Into<String>,
        (kind, source): (&'static str, String),
        code: &str,
        message: impl Into<String>,
    ) -> Result<(), SinkClosed> {
        let fault = Violation { pointer: String::new(), code: code.to_owned(), message: message.into() };
        self.send(ImportEntry::Broken { place: place.into(), fault, record: Some((kind, source)) })
    }

    /// Says that the file has a record that is not taken.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn mark_present(&self, kind: &'static str, source: String) -> Result<(), SinkClosed> {
        self.send(ImportEntry::Present { kind, source })
    }

    /// Says that the file may have records that are not read: those whose sources begin with `prefix`, which ends with
    /// a slash, and go on with a text that is greater than `after`.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn mark_beyond(&self, prefix: String, after: &str) -> Result<(), SinkClosed> {
        self.send(ImportEntry::Beyond { prefix, after: after.to_owned() })
    }

    /// Says that the records that follow are a revision that replaces all earlier ones of the same event.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn revision(&self, revision: SourceRevision) -> Result<(), SinkClosed> {
        self.send(ImportEntry::Revision(Box::new(revision)))
    }

    /// Says that something does not take place. The record within it is one of the file.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn cancellation(&self, mut cancellation: Cancellation) -> Result<(), SinkClosed> {
        if let Some(record) = &mut cancellation.record {
            record.origin.clone_from(&self.origin.borrow());
            record.own_event.clone_from(&self.own_event.borrow());
        }
        self.send(ImportEntry::Cancellation(Box::new(cancellation)))
    }

    /// Reports a detail that is not taken as it is.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn note(&self, place: &str, field: &str, code: &str, message: impl Into<String>) -> Result<(), SinkClosed> {
        let fault = Violation { pointer: field.to_owned(), code: code.to_owned(), message: message.into() };
        self.send(ImportEntry::Note { place: place.to_owned(), fault })
    }

    /// Counts a property for which there is no field.
    pub fn left_out(&self, place: &str, property: &str) {
        self.count(LEFT_OUT, place, property, "there is no field for it");
    }

    /// Counts a property that is passed over on purpose.
    pub fn on_purpose(&self, place: &str, property: &str, why: &str) {
        self.count(ON_PURPOSE, place, property, why);
    }

    fn count(&self, code: &'static str, place: &str, property: &str, why: &str) {
        let mut groups = self.left_out.borrow_mut();
        let mut key = (code, property.to_owned());
        if groups.len() >= MOST_PROPERTIES && !groups.contains_key(&key) {
            "*".clone_into(&mut key.1);
        }
        if let Some(group) = groups.get_mut(&key) {
            group.count += 1;
            return;
        }
        let group = NoteGroup {
            code: code.to_owned(),
            subject: key.1.clone(),
            count: 1,
            first: place.to_owned(),
            message: why.to_owned(),
        };
        groups.insert(key, group);
    }

    /// Sends what was not taken.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn finish(&self) -> Result<(), SinkClosed> {
        let groups = std::mem::take(&mut *self.left_out.borrow_mut());
        if groups.is_empty() { Ok(()) } else { self.send(ImportEntry::LeftOut(groups.into_values().collect())) }
    }

    /// Says that every record of the source was in the file.
    ///
    /// # Errors
    /// Returns [`SinkClosed`] if the import has ended.
    pub fn mark_whole(&self) -> Result<(), SinkClosed> {
        self.send(ImportEntry::Whole)
    }
}
