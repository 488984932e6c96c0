//! Telephone numbers. A mail is full of digits that are none, so a number needs a shape: a plus sign and a plausible
//! length, a North American grouping, or a leading zero with groups.

use crate::scan::Taken;

/// Longest run of digits and separators that is looked at.
const LONGEST: usize = 30;

/// Finds numbers; calls `take` with the offset and the number in its plain form.
pub(crate) fn scan(text: &str, taken: &Taken, mut take: impl FnMut(usize, String)) {
    let mut previous = ' ';
    let mut done = 0;
    for (start, letter) in text.char_indices() {
        let before = std::mem::replace(&mut previous, letter);
        if start < done || !(letter.is_ascii_digit() || matches!(letter, '+' | '(')) {
            continue;
        }
        if before.is_alphanumeric()
            || matches!(before, '.' | '-' | '/' | '_' | '@' | '#' | '=' | '&' | '%' | '+' | '$' | '€')
        {
            continue;
        }
        let run = run(text.get(start..).unwrap_or_default());
        // A run is looked at once, whether it is a number or not.
        done = start + run.len().max(1);
        let touching = text
            .get(done..)
            .and_then(|rest| rest.chars().next())
            .is_some_and(|next| next.is_alphanumeric() || matches!(next, '/' | '_' | '@' | '%' | ':' | '='));
        if !touching
            && !taken.has(start, done)
            && let Some(number) = number(run)
        {
            take(start, number);
        }
    }
}

/// Digits and separators from the start, up to the last digit.
fn run(text: &str) -> &str {
    let mut end = 0;
    let mut separators = 0;
    for (at, letter) in text.char_indices().take(LONGEST) {
        match letter {
            '0'..='9' => {
                separators = 0;
                end = at + 1;
            }
            '+' if at == 0 => {}
            ' ' | '-' | '.' | '(' | ')' | '\u{a0}' | '\u{2010}' | '\u{2011}' | '\u{2013}'
                if separators < 3 =>
            {
                separators += 1
            }
            _ => break,
        }
    }
    text.get(..end).unwrap_or_default()
}

/// The plain form of a run that has the shape of a telephone number.
fn number(run: &str) -> Option<String> {
    let digits: String = run.chars().filter(char::is_ascii_digit).collect();
    let groups: Vec<usize> = run
        .split(|letter: char| !letter.is_ascii_digit())
        .map(str::len)
        .filter(|length| *length > 0)
        .collect();
    let international = run.starts_with('+') || digits.starts_with("00") && groups.len() > 1;
    if international {
        let plain = if run.starts_with('+') { digits.as_str() } else { digits.get(2..)? };
        // E.164: up to 15 digits, no leading zero.
        return ((8..=15).contains(&plain.len()) && !plain.starts_with('0')).then(|| format!("+{plain}"));
    }
    let american = matches!(groups.as_slice(), [3, 3, 4] | [1, 3, 3, 4]) && plausible_american(&digits);
    let national =
        digits.starts_with('0') && (2..=5).contains(&groups.len()) && (10..=12).contains(&digits.len());
    // `01.02.2024` and `01-02-2024 10` are dates.
    let date = matches!(groups.as_slice(), [2, 2, 4, ..] | [4, 2, 2, ..] | [1, 2, 4, ..] | [2, 1, 4, ..]);
    (american || national && !date).then_some(digits)
}

/// Area code and exchange begin with 2 to 9; a country code in front is 1.
fn plausible_american(digits: &str) -> bool {
    let ten = if digits.len() == 11 { digits.strip_prefix('1') } else { Some(digits) };
    ten.is_some_and(|ten| {
        let digit = |at: usize| ten.as_bytes().get(at).copied();
        digit(0) >= Some(b'2') && digit(3) >= Some(b'2')
    })
}

/// The number of a `tel:` link.
pub(crate) fn from_link(value: &str) -> Option<String> {
    let rest = value.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("tel:")).and(value.get(4..))?;
    let rest = rest.split([';', '?']).next().unwrap_or_default();
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let plus = if rest.trim_start().starts_with('+') { "+" } else { "" };
    (3..=15).contains(&digits.len()).then(|| format!("{plus}{digits}"))
}
