//! The components of iCalendar (RFC 5545, section 3.6), one by one as they end.

use super::lines::{ContentLine, Lines};
use super::property::Property;
use crate::transfer::read::Input;

/// Greatest number of properties and components within a component of a calendar, at all depths; further ones are dropped,
/// with a note. It bounds the memory for a hostile file.
const MOST_PARTS: usize = 10_000;
/// Greatest depth of components within each other.
const DEEPEST: usize = 16;

/// A component that is complete.
#[derive(Debug, Default)]
pub struct Component {
    /// Name in upper case, such as `VEVENT`.
    pub name: String,
    /// Number of the line on which it begins.
    pub line: usize,
    pub properties: Vec<Property>,
    pub children: Vec<Component>,
    /// Number of properties and components within it that are beyond the bound.
    pub dropped: usize,
}

impl Component {
    /// Returns the first property with this name.
    pub fn find(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// Returns all properties with this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties.iter().filter(move |property| property.name == name)
    }

    /// Returns the text of the first property with this name, unless it is blank.
    pub fn text(&self, name: &str) -> Option<String> {
        Some(self.find(name)?.text()).filter(|text| !text.is_empty())
    }

    /// Returns the position of the component for reports.
    pub fn place(&self) -> String {
        format!("line {}", self.line)
    }
}

/// Components of calendars within which there are no events.
const OF_CALENDAR: [&str; 5] = ["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"];

/// A part of a calendar file.
#[derive(Debug)]
pub enum CalendarPart {
    /// The beginning of a `VCALENDAR`.
    Calendar,
    /// A property of the calendar as a whole.
    Property(Property),
    /// A component of the calendar.
    Component(Component),
    /// A fault; the code and the message. `true` if a component is lost.
    Fault(usize, &'static str, String, bool),
}

/// The parts of a file.
pub struct CalendarParts<'a> {
    lines: Lines<'a>,
    /// Components around the current line, below the calendar.
    open: Vec<Component>,
    /// Number of properties and components within the outermost open component.
    count: usize,
    in_calendar: bool,
    is_windows_1252: bool,
    /// Part that follows the one that was returned.
    following: Option<CalendarPart>,
    ended: bool,
}

impl<'a> CalendarParts<'a> {
    /// Creates an iterator over the parts of an input.
    pub fn new(input: &'a mut dyn Input) -> Self {
        Self {
            lines: Lines::new(input),
            open: Vec::new(),
            count: 0,
            in_calendar: false,
            is_windows_1252: false,
            following: None,
            ended: false,
        }
    }

    fn line(&mut self, line: ContentLine) -> Option<CalendarPart> {
        let text = line.text.trim_start_matches('\u{feff}');
        let word = |length: usize| text.get(..length).map(str::to_ascii_uppercase).unwrap_or_default();
        if word(6) == "BEGIN:" {
            return self.begin(line.number, text[6..].trim().to_ascii_uppercase());
        }
        if word(4) == "END:" {
            return self.end(line.number, &text[4..].trim().to_ascii_uppercase());
        }
        let Some(property) = Property::parse(text) else {
            if !self.in_calendar && self.open.is_empty() {
                return None;
            }
            let message = "left out; this is not an iCalendar property".to_owned();
            return Some(CalendarPart::Fault(line.number, "malformed_property", message, false));
        };
        let has_room = self.has_room();
        match self.open.last_mut() {
            Some(component) if has_room => component.properties.push(property),
            Some(_) => {}
            None if self.in_calendar => return Some(CalendarPart::Property(property)),
            None => {}
        }
        if line.is_cut {
            let message = "cut off; the line is longer than any property can be".to_owned();
            return Some(CalendarPart::Fault(line.number, "too_long", message, false));
        }
        // Once for each file: the lines of one file mostly have one encoding.
        (line.is_windows_1252 && !std::mem::replace(&mut self.is_windows_1252, true)).then(|| {
            let message = "this line and perhaps others are not UTF-8 and are read as windows-1252".to_owned();
            CalendarPart::Fault(line.number, "encoding", message, false)
        })
    }

    /// Counts one more part of the outermost open component, and returns whether it is within the bound.
    fn has_room(&mut self) -> bool {
        self.count += 1;
        let has_room = self.count <= MOST_PARTS;
        if let Some(outermost) = self.open.first_mut().filter(|_| !has_room) {
            outermost.dropped += 1;
        }
        has_room
    }

    fn begin(&mut self, number: usize, name: String) -> Option<CalendarPart> {
        if name == "VCALENDAR" {
            let lost = self.open.first().map(|component| component.line);
            self.open.clear();
            self.in_calendar = true;
            let Some(line) = lost else { return Some(CalendarPart::Calendar) };
            self.following = Some(CalendarPart::Calendar);
            return Some(without_end(line, "component"));
        }
        let is_around = |component: &Component| name == "VEVENT" && OF_CALENDAR.contains(&component.name.as_str());
        let outer = self.open.iter().position(is_around);
        let lost = outer.map(|place| {
            let line = self.open[place].line;
            self.open.truncate(place);
            without_end(line, "component")
        });
        if self.open.is_empty() {
            self.count = 0;
        }
        if self.open.len() < DEEPEST {
            self.open.push(Component { name, line: number, ..Component::default() });
        }
        lost
    }

    fn end(&mut self, number: usize, name: &str) -> Option<CalendarPart> {
        if name == "VCALENDAR" && self.in_calendar {
            self.in_calendar = false;
            let lost = self.open.first().map(|component| component.line);
            self.open.clear();
            return lost.map(|line| without_end(line, "component"));
        }
        let Some(place) = self.open.iter().rposition(|component| component.name == name) else {
            let message = format!("END:{name} has no BEGIN:{name}");
            return Some(CalendarPart::Fault(number, "malformed_calendar", message, false));
        };
        // Components within that have no end of their own end here.
        while self.open.len() > place + 1 {
            self.close();
        }
        self.close()
    }

    fn close(&mut self) -> Option<CalendarPart> {
        let component = self.open.pop()?;
        if self.open.is_empty() {
            return Some(CalendarPart::Component(component));
        }
        let has_room = self.has_room();
        if let Some(parent) = self.open.last_mut().filter(|_| has_room) {
            parent.children.push(component);
        }
        None
    }
}

fn without_end(line: usize, noun: &str) -> CalendarPart {
    CalendarPart::Fault(line, "malformed_calendar", format!("this {noun} has no END"), true)
}

impl Iterator for CalendarParts<'_> {
    type Item = CalendarPart;

    fn next(&mut self) -> Option<CalendarPart> {
        if let Some(part) = self.following.take() {
            return Some(part);
        }
        while !self.ended {
            let part = match self.lines.next() {
                Some(Ok(line)) => self.line(line),
                Some(Err((line, error))) => {
                    self.ended = true;
                    Some(CalendarPart::Fault(line, "unreadable", error, true))
                }
                None => {
                    self.ended = true;
                    let lost = self.open.first();
                    lost.map(|component| {
                        let message = format!("the file ends within this {}", component.name);
                        CalendarPart::Fault(component.line, "malformed_calendar", message, true)
                    })
                }
            };
            if part.is_some() {
                return part;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Cursor};

    #[test]
    fn a_component_has_a_bound_at_all_depths() {
        let alarm = "BEGIN:VALARM\nA:1\nEND:VALARM\n";
        let text = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{}SUMMARY:a\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\n{alarm}END:VEVENT\nEND:VCALENDAR",
            alarm.repeat(MOST_PARTS / 2)
        );
        let mut input = BufReader::new(Cursor::new(text.into_bytes()));
        let found = CalendarParts::new(&mut input).filter_map(|part| match part {
            CalendarPart::Component(it) => Some((it.properties.len(), it.children.len(), it.dropped)),
            _ => None,
        });
        // Of the first event the last alarm and the title have no room.
        assert_eq!(found.collect::<Vec<_>>(), [(1, MOST_PARTS / 2 - 1, 2), (1, 1, 0)]);
    }
}
