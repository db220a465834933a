//! What an import makes of each entry of a file, as lines for its report.

use super::Importer;
use crate::content::violation::Violation;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::problem::Problem;
use crate::transfer::attempt::{in_savepoint, noted_lines, other_rules, report_lines};
use crate::transfer::record::{ExportedItem, ImportEntry, Record};
use crate::transfer::report::{CONTACT_FORM, NEWSLETTER_ISSUE, Outcome, ReportLine};
use crate::transfer::{exported_forms, exported_issues, languages, restore};

impl Importer {
    /// Applies an entry within the current transaction. Returns the lines for the report; that the entry was
    /// refused is one of them and no error.
    ///
    /// # Errors
    /// Fails if the database fails. The import must end then.
    pub fn apply(&mut self, connection: &mut Db, file: &str, entry: ImportEntry) -> Result<Vec<ReportLine>, Problem> {
        let line = |place: String, outcome, faults: Vec<Violation>| ReportLine {
            file: file.to_owned(),
            place,
            outcome,
            kind: "",
            what: String::new(),
            faults,
        };
        match entry {
            ImportEntry::Broken { place, fault, record } => {
                let (kind, what) = record.unwrap_or_default();
                Ok(vec![ReportLine { kind, what, ..line(place, Outcome::Refused, vec![fault]) }])
            }
            ImportEntry::Note { place, fault } => Ok(vec![line(place, Outcome::Note, vec![fault])]),
            ImportEntry::Present { .. }
            | ImportEntry::Beyond { .. }
            | ImportEntry::Revision(_)
            | ImportEntry::Cancellation(_)
            | ImportEntry::LeftOut(_)
            | ImportEntry::Whole => Ok(Vec::new()),
            ImportEntry::Record(record) => {
                let named = ReportLine {
                    kind: record.kind,
                    what: record.label().to_owned(),
                    ..line(record.place.clone(), Outcome::Note, Vec::new())
                };
                self.apply_record(connection, named, record)
            }
            ImportEntry::ExportedForm { place, form } => {
                let kind = CONTACT_FORM;
                let named = ReportLine { kind, what: form.name.clone(), ..line(place, Outcome::Note, Vec::new()) };
                let context = (&*self.site, &self.author);
                let outcome = in_savepoint(connection, |c| exported_forms::restore(c, context, &form))?;
                Ok(report_lines(named, outcome, false))
            }
            ImportEntry::ExportedIssue { place, issue } => {
                let kind = NEWSLETTER_ISSUE;
                let named = ReportLine { kind, what: issue.name.clone(), ..line(place, Outcome::Note, Vec::new()) };
                let context = (&*self.site, &self.author);
                let restored = in_savepoint(connection, |c| exported_issues::restore(c, context, &issue))?;
                Ok(noted_lines(&named, restored))
            }
            ImportEntry::Exported { place, item } => {
                let kind = ContentType::of_kind(&item.kind).map_or("", |content_type| content_type.kind);
                let named = ReportLine { kind, what: item.slug.clone(), ..line(place, Outcome::Note, Vec::new()) };
                self.apply_item(connection, &named, item)
            }
        }
    }

    /// Creates or updates the item of a record. `named` is the line of the report for it, without its outcome.
    fn apply_record(
        &mut self,
        connection: &mut Db,
        named: ReportLine,
        mut record: Box<Record>,
    ) -> Result<Vec<ReportLine>, Problem> {
        self.notes = languages::arrange(&mut record, &self.site);
        let outcome = in_savepoint(connection, |c| self.record(c, &record))?;
        let mut lines = report_lines(named.clone(), outcome, record.supporting);
        lines.extend(self.notes.drain(..).map(|fault| ReportLine { faults: vec![fault], ..named.clone() }));
        Ok(lines)
    }

    /// Restores an item of Plenary's own export. `named` is the line of the report for it, without its outcome.
    fn apply_item(
        &self,
        connection: &mut Db,
        named: &ReportLine,
        mut item: Box<ExportedItem>,
    ) -> Result<Vec<ReportLine>, Problem> {
        let renewed = restore::renew_times(&mut item);
        let restored = in_savepoint(connection, |c| restore::item(c, self.context(), &item))?;
        let restored = restored.map(|(outcome, mut notes)| {
            notes.extend(renewed.into_iter().filter(|_| outcome == Outcome::Created).map(other_rules));
            (outcome, notes)
        });
        Ok(noted_lines(named, restored))
    }
}
