//! Search for items near a location.

use diesel::prelude::*;

use crate::database::Db;
use crate::database::schema::places;
use crate::delivery::query::Circle;
use crate::delivery::sql::text_match::{MAX_NAMED_MATCHES, too_expensive};
use crate::problem::Problem;

/// Mean radius of the Earth in metres (IUGG).
const EARTH_RADIUS: f64 = 6_371_008.8;

/// Returns the ids of the items within a distance of a location.
///
/// # Errors
///
/// Returns a problem with the code `too_expensive` if there are too many of them. Fails if the statement fails.
pub fn items_near(connection: &mut Db, around: &Circle) -> Result<Vec<String>, Problem> {
    let degrees = (around.distance / EARTH_RADIUS).to_degrees();
    let millionths = |degrees: f64| (degrees * 1e6).round() as i64;
    let (south, north) = (millionths(around.latitude - degrees), millionths(around.latitude + degrees));
    let mut query = places::table.filter(places::latitude.between(south, north)).into_boxed();
    // Near the poles, and across the 180th meridian, the longitude does not narrow the search.
    let narrow = (around.latitude.abs() + degrees).to_radians().cos();
    let width = if narrow > 1e-6 { degrees / narrow } else { 360.0 };
    if around.longitude - width > -180.0 && around.longitude + width < 180.0 {
        let (west, east) = (millionths(around.longitude - width), millionths(around.longitude + width));
        query = query.filter(places::longitude.between(west, east));
    }
    let rows: Vec<(String, i64, i64)> = query
        .select((places::item_id, places::latitude, places::longitude))
        .limit(MAX_NAMED_MATCHES as i64 + 1)
        .load(connection)?;
    if rows.len() > MAX_NAMED_MATCHES {
        return Err(too_expensive("?near", &format!("more than {MAX_NAMED_MATCHES} venues are near this location")));
    }
    let close = |latitude: i64, longitude: i64| {
        let place = (latitude as f64 / 1e6, longitude as f64 / 1e6);
        distance((around.latitude, around.longitude), place) <= around.distance
    };
    Ok(rows.into_iter().filter(|(_, latitude, longitude)| close(*latitude, *longitude)).map(|row| row.0).collect())
}

/// Returns the great-circle distance between two locations in metres (haversine formula).
fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let h = half(a.0, b.0) + a.0.to_radians().cos() * b.0.to_radians().cos() * half(a.1, b.1);
    2.0 * EARTH_RADIUS * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_earth() {
        let (brussels, antwerp, sydney) = ((50.8466, 4.3528), (51.2213, 4.4051), (-33.8688, 151.2093));
        assert!((distance(brussels, antwerp) - 41_800.0).abs() < 300.0, "{}", distance(brussels, antwerp));
        assert!((distance(brussels, sydney) - 16_760_000.0).abs() < 30_000.0, "{}", distance(brussels, sydney));
        assert!(distance((0.0, 179.9), (0.0, -179.9)) < 23_000.0);
    }
}
