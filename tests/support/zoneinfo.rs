//! Time zone rules for the tests: a folder of compiled rules as a system has it (RFC 9636).

use std::path::Path;

/// A zone: its first offset and abbreviation, its changes, and the rule after them (a POSIX TZ string).
pub struct ZoneFile<'a> {
    pub name: &'a str,
    pub first: (i32, &'a str),
    /// Changes: instant (seconds since 1970), offset in seconds, daylight saving time, abbreviation.
    pub changes: &'a [(i64, i32, bool, &'a str)],
    pub after: &'a str,
}

/// Writes a release into a folder, replacing an earlier one.
pub fn write_release(folder: &Path, release: &str, zones: &[ZoneFile<'_>]) {
    let mut source = format!("# version {release}\n");
    for zone in zones {
        let path = folder.join(zone.name);
        std::fs::create_dir_all(path.parent().expect("zones are in folders")).expect("a folder");
        std::fs::write(path, compile_zone(zone)).expect("a file");
        source.push_str(&format!("Z {} 0 - X\n", zone.name));
    }
    std::fs::write(folder.join("tzdata.zi"), source).expect("a file");
}

fn compile_zone(zone: &ZoneFile<'_>) -> Vec<u8> {
    let mut out = header(0, 1, 1);
    out.extend([0; 7]);
    let (mut names, mut types) = (Vec::new(), Vec::new());
    let kinds = std::iter::once((zone.first.0, false, zone.first.1));
    for (offset, daylight, name) in kinds.chain(zone.changes.iter().map(|change| (change.1, change.2, change.3))) {
        types.extend(offset.to_be_bytes());
        types.extend([u8::from(daylight), u8::try_from(names.len()).expect("few names")]);
        names.extend(name.bytes().chain([0]));
    }
    out.extend(header(zone.changes.len(), types.len() / 6, names.len()));
    zone.changes.iter().for_each(|change| out.extend(change.0.to_be_bytes()));
    out.extend((1..=zone.changes.len()).map(|index| index as u8));
    out.extend(types);
    out.extend(names);
    out.extend(format!("\n{}\n", zone.after).bytes());
    out
}

fn header(changes: usize, types: usize, letters: usize) -> Vec<u8> {
    let mut out = b"TZif2".to_vec();
    out.extend([0; 15]);
    for count in [0, 0, 0, changes, types, letters] {
        out.extend((count as u32).to_be_bytes());
    }
    out
}
