//! The basic recurrence rules of vCalendar 1.0 (section "Recurrence Rule Grammar"), as rules of iCalendar.

/// Days of the week.
pub(super) const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
/// Number of occurrences of a rule that names neither one nor an end.
const USUAL: &str = "2";

/// Returns a rule such as `W1 MO WE #3` in the form of iCalendar. `None` for one that is malformed, or has times of day or
/// rules within it.
pub fn new_form(old: &str) -> Option<String> {
    let old = old.trim().to_ascii_uppercase();
    let mut words: Vec<&str> = old.split_ascii_whitespace().collect();
    let first = words.first().copied()?;
    let digits = first.find(|c: char| c.is_ascii_digit())?;
    let (name, interval) = first.split_at(digits);
    let interval: u16 = interval.parse().ok().filter(|interval| *interval > 0)?;
    words.remove(0);
    let end = match words.last().copied() {
        Some(count) if count.starts_with('#') => {
            words.pop();
            match count.trim_start_matches('#') {
                "0" => String::new(),
                number => format!(";COUNT={}", number.parse::<u32>().ok()?),
            }
        }
        Some(date) if date.len() >= 8 && date.bytes().take(8).all(|byte| byte.is_ascii_digit()) => {
            words.pop();
            format!(";UNTIL={date}")
        }
        _ => format!(";COUNT={USUAL}"),
    };
    let (frequency, by) = match name {
        "D" if words.is_empty() => ("DAILY", String::new()),
        "W" => ("WEEKLY", list_part("BYDAY", words.iter().map(|word| day(word).map(str::to_owned)))?),
        "MP" => ("MONTHLY", list_part("BYDAY", positions(&words)?.into_iter().map(Some))?),
        "MD" => ("MONTHLY", list_part("BYMONTHDAY", words.iter().map(|word| month_day(word)))?),
        "YM" => ("YEARLY", list_part("BYMONTH", words.iter().map(|word| number(word, 12)))?),
        "YD" => ("YEARLY", list_part("BYYEARDAY", words.iter().map(|word| number(word, 366)))?),
        _ => return None,
    };
    Some(format!("FREQ={frequency};INTERVAL={interval}{by}{end}"))
}

/// Returns a part of a rule with values; nothing without any.
fn list_part(name: &str, values: impl Iterator<Item = Option<String>>) -> Option<String> {
    let values: Vec<String> = values.collect::<Option<_>>()?;
    Some(if values.is_empty() { String::new() } else { format!(";{name}={}", values.join(",")) })
}

fn day(word: &str) -> Option<&str> {
    DAYS.contains(&word).then_some(word)
}

fn number(word: &str, most: u16) -> Option<String> {
    word.parse::<u16>().ok().filter(|number| (1..=most).contains(number)).map(|number| number.to_string())
}

/// Returns days of a week with their positions in a month: `1+ MO 2- TU` is `1MO` and `-2TU`.
fn positions(words: &[&str]) -> Option<Vec<String>> {
    let (mut position, mut found) = (None, Vec::new());
    for word in words {
        match signed_number(word, 5) {
            Some(number) => position = Some(number),
            None => found.push(format!("{}{}", position.as_deref()?, day(word)?)),
        }
    }
    Some(found)
}

fn month_day(word: &str) -> Option<String> {
    if word == "LD" { Some("-1".to_owned()) } else { signed_number(word, 31).or_else(|| number(word, 31)) }
}

/// Returns a number with its sign behind it, as one with its sign before it.
fn signed_number(word: &str, most: u16) -> Option<String> {
    let plus = word.strip_suffix('+').and_then(|word| number(word, most));
    plus.or_else(|| word.strip_suffix('-').and_then(|word| number(word, most)).map(|number| format!("-{number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_in_the_new_form() {
        for (old, new) in [
            ("D1 #10", "FREQ=DAILY;INTERVAL=1;COUNT=10"),
            ("D2", "FREQ=DAILY;INTERVAL=2;COUNT=2"),
            ("W1 MO #3", "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO;COUNT=3"),
            ("W2 TU TH 20271224T000000Z", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;UNTIL=20271224T000000Z"),
            ("w1 #0", "FREQ=WEEKLY;INTERVAL=1"),
            ("MP1 1+ MO 2- TU #4", "FREQ=MONTHLY;INTERVAL=1;BYDAY=1MO,-2TU;COUNT=4"),
            ("MD1 7 LD 2- #4", "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=7,-1,-2;COUNT=4"),
            ("YM1 6 7 #4", "FREQ=YEARLY;INTERVAL=1;BYMONTH=6,7;COUNT=4"),
            ("YD1 200 #4", "FREQ=YEARLY;INTERVAL=1;BYYEARDAY=200;COUNT=4"),
        ] {
            assert_eq!(new_form(old).as_deref(), Some(new), "{old}");
        }
        for wrong in ["", "D", "D0 #1", "D1 0600 #3", "W1 XX #1", "MP1 MO #2", "M1 #2", "YM1 13 #2", "D1 #x"] {
            assert_eq!(new_form(wrong), None, "{wrong}");
        }
    }
}
