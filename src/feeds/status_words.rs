//! Words for the status of events in the languages of feeds.

use serde_json::Value;

use super::text;

/// The values of `event_status` for which there are words, in the order of [`WORDS`].
const STATUSES: [&str; 5] = ["cancelled", "postponed", "rescheduled", "moved_online", "tentative"];

/// The words by language. Feeds in other languages have those of the first one.
const WORDS: [(&str, [&str; 5]); 33] = [
    ("en", ["Cancelled", "Postponed", "Rescheduled", "Moved online", "Tentative"]),
    ("ar", ["أُلغي", "تأجّل", "موعد جديد", "عبر الإنترنت", "مبدئي"]),
    ("bg", ["Отменено", "Отложено", "Нова дата", "Онлайн", "Предварително"]),
    ("ca", ["Cancel·lat", "Ajornat", "Data nova", "En línia", "Provisional"]),
    ("cs", ["Zrušeno", "Odloženo", "Nový termín", "Online", "Předběžně"]),
    ("da", ["Aflyst", "Udskudt", "Ny dato", "Online", "Foreløbig"]),
    ("de", ["Abgesagt", "Verschoben", "Neuer Termin", "Findet online statt", "Vorläufig"]),
    ("el", ["Ακυρώθηκε", "Αναβλήθηκε", "Νέα ημερομηνία", "Διαδικτυακά", "Προσωρινό"]),
    ("es", ["Cancelado", "Aplazado", "Nueva fecha", "En línea", "Provisional"]),
    ("et", ["Tühistatud", "Edasi lükatud", "Uus aeg", "Veebis", "Esialgne"]),
    ("fi", ["Peruttu", "Lykätty", "Uusi ajankohta", "Verkossa", "Alustava"]),
    ("fr", ["Annulé", "Reporté", "Nouvelle date", "En ligne", "Provisoire"]),
    ("ga", ["Curtha ar ceal", "Curtha siar", "Dáta nua", "Ar líne", "Sealadach"]),
    ("hr", ["Otkazano", "Odgođeno", "Novi datum", "Na internetu", "Okvirno"]),
    ("hu", ["Elmarad", "Elhalasztva", "Új időpont", "Online", "Tervezett"]),
    ("it", ["Annullato", "Rinviato", "Nuova data", "Online", "Provvisorio"]),
    ("ja", ["中止", "延期", "日程変更", "オンライン開催", "仮"]),
    ("ko", ["취소됨", "연기됨", "일정 변경", "온라인 전환", "잠정"]),
    ("lt", ["Atšaukta", "Atidėta", "Nauja data", "Internetu", "Preliminariai"]),
    ("lv", ["Atcelts", "Atlikts", "Jauns datums", "Tiešsaistē", "Provizoriski"]),
    ("mt", ["Ikkanċellat", "Pospost", "Data ġdida", "Online", "Proviżorju"]),
    ("nb", ["Avlyst", "Utsatt", "Ny dato", "På nett", "Foreløpig"]),
    ("nl", ["Geannuleerd", "Uitgesteld", "Nieuwe datum", "Online", "Voorlopig"]),
    ("pl", ["Odwołane", "Przełożone", "Nowy termin", "Online", "Wstępnie"]),
    ("pt", ["Cancelado", "Adiado", "Nova data", "Online", "Provisório"]),
    ("ro", ["Anulat", "Amânat", "Dată nouă", "Online", "Provizoriu"]),
    ("ru", ["Отменено", "Отложено", "Новая дата", "Онлайн", "Предварительно"]),
    ("sk", ["Zrušené", "Odložené", "Nový termín", "Online", "Predbežne"]),
    ("sl", ["Odpovedano", "Prestavljeno", "Nov datum", "Na spletu", "Okvirno"]),
    ("sv", ["Inställt", "Uppskjutet", "Nytt datum", "Online", "Preliminärt"]),
    ("tr", ["İptal edildi", "Ertelendi", "Yeni tarih", "Çevrim içi", "Geçici"]),
    ("uk", ["Скасовано", "Відкладено", "Нова дата", "Онлайн", "Попередньо"]),
    ("zh", ["已取消", "已延期", "改期", "改为线上", "暂定"]),
];

/// Returns the word for the status of an event in a language; `None` if the event takes place as announced.
pub fn status_word(status: &str, locale: &str) -> Option<&'static str> {
    let index = STATUSES.iter().position(|known| *known == status)?;
    let language = locale.split('-').next().unwrap_or(locale);
    // Norwegian has two written forms, and a language of both.
    let language = if matches!(language, "no" | "nn") { "nb" } else { language };
    let (_, words) = WORDS.iter().find(|(of, _)| *of == language).unwrap_or(&WORDS[0]);
    Some(words[index])
}

/// Returns the title of an event, after the word for its status if it does not take place as announced. Readers of
/// feeds and calendars often show nothing but titles.
pub fn title(event: &Value, locale: &str) -> String {
    title_with_status(text(event, "title").unwrap_or_default(), text(event, "event_status"), locale)
}

/// Returns a title after the word for a status. A title that begins with the word and a colon already has it once; one that
/// begins with the same word as a part of a sentence does not tell the status.
pub fn title_with_status(title: &str, status: Option<&str>, locale: &str) -> String {
    match status.and_then(|status| status_word(status, locale)) {
        Some(word) if !has_status(title, word) => format!("{word}: {title}"),
        _ => title.to_owned(),
    }
}

fn has_status(title: &str, word: &str) -> bool {
    title.strip_prefix(word).is_some_and(|rest| rest.starts_with(':'))
}

/// Returns a title without the word for a status, in any language: what [`title_with_status`] was given. For titles that come back
/// from a calendar of this program, whose `STATUS` says the same.
pub fn without_status(title: &str) -> &str {
    let mut words = WORDS.iter().flat_map(|(_, words)| words);
    words.find_map(|word| title.strip_prefix(word)?.strip_prefix(": ")).unwrap_or(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_tell_the_status_in_their_language() {
        for (status, locale, shown) in [
            (Some("cancelled"), "de", "Abgesagt: Rivers"),
            (Some("cancelled"), "nl-BE", "Geannuleerd: Rivers"),
            (Some("postponed"), "no", "Utsatt: Rivers"),
            (Some("cancelled"), "tlh", "Cancelled: Rivers"),
            (Some("scheduled"), "en", "Rivers"),
            (None, "en", "Rivers"),
        ] {
            assert_eq!(title_with_status("Rivers", status, locale), shown);
        }
        assert_eq!(title_with_status("Cancelled: Rivers", Some("cancelled"), "en"), "Cancelled: Rivers");
        let flights = title_with_status("Cancelled flights: your rights", Some("cancelled"), "en");
        assert_eq!(flights, "Cancelled: Cancelled flights: your rights");
        assert_eq!(without_status(&flights), "Cancelled flights: your rights");
        for (language, words) in WORDS {
            assert!(words.iter().all(|word| without_status(&format!("{word}: Rivers")) == "Rivers"), "{language}");
        }
        assert_eq!(without_status("Rivers: a view"), "Rivers: a view");
    }

    #[test]
    fn every_language_is_there_once_with_all_words() {
        let mut languages = WORDS.map(|(language, _)| language);
        languages[1..].sort_unstable();
        assert_eq!(languages, WORDS.map(|(language, _)| language));
        assert!(WORDS.iter().all(|(language, words)| words.iter().all(|word| !word.is_empty()) && language.len() == 2));
    }
}
