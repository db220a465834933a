//! The pictures of the demo content, which the server serves itself: a demo needs no network.

/// The pictures by file name.
const PICTURES: [(&str, &str); 4] = [
    ("rivers.svg", include_str!("pictures/rivers.svg")),
    ("screens.svg", include_str!("pictures/screens.svg")),
    ("dunes.svg", include_str!("pictures/dunes.svg")),
    ("chamber.svg", include_str!("pictures/chamber.svg")),
];

/// Returns the SVG of a picture, if there is one with this file name.
pub fn picture(file: &str) -> Option<&'static str> {
    PICTURES.iter().find(|(name, _)| *name == file).map(|(_, svg)| *svg)
}
