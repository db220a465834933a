//! The rooms of a programme, which must be known before its event: they may say that it is online.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::entities::Entities;
use crate::transfer::read::Input;
use crate::transfer::read::programme::Programme;

/// Tells a programme which rooms its file has. A fault ends this, and is reported when the file is read as a whole.
pub fn expect_rooms(input: &mut dyn Input, programme: &mut Programme<'_>) {
    let (mut reader, mut buffer) = (Reader::from_reader(input), Vec::new());
    let mut entities = Entities::default();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(start) | Event::Empty(start)) if start.local_name().as_ref() == "room" => {
                let mut attributes = start.attributes().flatten();
                let name = attributes.find(|attribute| attribute.key.local_name().as_ref() == "name");
                // The rooms within sessions have no attributes.
                if let Some(Ok(name)) = name.map(|name| entities.expand(&name.value))
                    && !name.text.trim().is_empty()
                {
                    programme.expect_room(name.text.trim());
                }
            }
            Ok(Event::DocType(text)) => entities.declare(&text),
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
