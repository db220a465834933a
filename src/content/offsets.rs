//! The UTC offsets of an item's times, as the rules of its zone have them now: local time and zone count.

use serde_json::{Map, Value};

use super::fault::step;
use super::field::{Field, Kind};
use super::moment::{Moment, zone_of};
use crate::time_zone::Zone;

/// A time whose offset another release of the rules gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewedTime {
    /// Where it stands.
    pub pointer: String,
    /// As it stood there.
    pub before: String,
    /// As it stands there now.
    pub after: String,
}

/// Gives every time of an item the offset that its zone has; says which got another. The item may be in its
/// stored form, or as an editor would send it.
pub fn renew(fields: &'static [Field], content: &mut Map<String, Value>) -> Vec<RenewedTime> {
    let mut renewed = Vec::new();
    if let Some(zone) = zone_of(content) {
        object(fields, content, zone, "", &mut renewed);
    }
    renewed
}

fn object(
    fields: &'static [Field],
    content: &mut Map<String, Value>,
    zone: Zone,
    pointer: &str,
    renewed: &mut Vec<RenewedTime>,
) {
    for field in fields {
        if let Some(value) = content.get_mut(field.name) {
            one(&field.kind, value, zone, &step(pointer, field.name), renewed);
        }
    }
}

fn one(kind: &'static Kind, value: &mut Value, zone: Zone, pointer: &str, renewed: &mut Vec<RenewedTime>) {
    match (kind, value) {
        (Kind::Object(fields), Value::Object(content)) => object(fields, content, zone, pointer, renewed),
        (Kind::List { of, .. }, Value::Array(list)) => {
            for (index, value) in list.iter_mut().enumerate() {
                one(of, value, zone, &step(pointer, &index.to_string()), renewed);
            }
        }
        (Kind::Moment { .. }, Value::String(text)) => {
            let Some(moment @ Moment::At(_)) = Moment::stored(text, zone) else { return };
            let after = moment.canonical();
            if after != *text {
                let before = std::mem::replace(text, after.clone());
                renewed.push(RenewedTime { pointer: pointer.to_owned(), before, after });
            }
        }
        _ => {}
    }
}
