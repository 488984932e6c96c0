//! Dates of mails (RFC 5322 3.3 and what came before) as RFC 3339 in UTC.

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads a date; nothing if it is none.
///
/// Day name, seconds and zone may be missing, a year may have two digits, comments are skipped. Without a zone, and
/// with one that nobody knows, UTC is assumed as RFC 5322 4.3 asks.
pub fn rfc3339(text: &str) -> Option<String> {
    let plain = without_comments(text);
    let (mut day, mut month, mut year, mut time, mut zone) = (None, None, None, None, 0);
    let words = plain.split([' ', '\t', ',']).flat_map(|word| {
        // `21-Nov-2026`, as some programs write.
        let dashed = word.split('-').count() == 3 && !word.contains(':');
        word.split(move |letter| dashed && letter == '-')
    });
    for word in words.filter(|word| !word.is_empty()).take(12) {
        if word.contains(':') && time.is_none() {
            time = Some(clock(word)?);
        } else if let Some(number) = word.strip_prefix(['+', '-']).filter(|_| time.is_some()) {
            let minutes = offset(number)?;
            zone = if word.starts_with('-') { -minutes } else { minutes };
        } else if let Ok(number) = word.parse::<i64>() {
            if day.is_none() && word.len() <= 2 {
                day = Some(number);
            } else if year.is_none() {
                year = Some(full_year(number, word.len()));
            }
        } else if let Some(number) = month_number(word).filter(|_| month.is_none()) {
            month = Some(number);
        } else if time.is_some() {
            zone = named_zone(word);
        }
    }
    let (hour, minute, second) = time?;
    let days = days_since_epoch(year?, month?, day?)?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second.min(59) - zone * 60;
    from_seconds(seconds)
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_u32;
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars().take(500) {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain
}

fn clock(word: &str) -> Option<(i64, i64, i64)> {
    let mut parts = word.split(':').map(|part| part.split('.').next().unwrap_or_default().parse::<i64>());
    let hour = parts.next()?.ok()?;
    let minute = parts.next()?.ok()?;
    let second = parts.next().unwrap_or(Ok(0)).ok()?;
    let fits = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    (fits && parts.next().is_none()).then_some((hour, minute, second))
}

/// `HHMM` in minutes.
fn offset(digits: &str) -> Option<i64> {
    let digits = digits.replace(':', "");
    let number: i64 = digits.parse().ok()?;
    (digits.len() == 4 && number % 100 < 60).then_some(number / 100 * 60 + number % 100)
}

fn full_year(number: i64, digits: usize) -> i64 {
    match digits {
        2 if number < 50 => number + 2_000,
        2 | 3 => number + 1_900,
        _ => number,
    }
}

fn month_number(word: &str) -> Option<i64> {
    let start = word.get(..3)?.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| *month == start)?;
    i64::try_from(index + 1).ok()
}

fn named_zone(word: &str) -> i64 {
    let hours = match word.to_ascii_uppercase().as_str() {
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => 0,
    };
    hours * 60
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar; nothing for a day that does not exist.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=length).contains(&day) || !(1..=9_999).contains(&year) {
        return None;
    }
    // Counting from March puts the leap day last.
    let shifted = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Seconds since 1970 as RFC 3339; nothing beyond the year 9999.
pub fn from_seconds(seconds: i64) -> Option<String> {
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    (0..=9_999)
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}
