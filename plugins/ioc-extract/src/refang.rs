//! Takes out what people put in to make an indicator harmless, and what attackers put in to hide it.
//!
//! `hxxp` is read where schemes are read; here are the characters: `[.]`, `(dot)`, `{.}`, `[@]`, `(at)`, `[:]`,
//! `[://]`, zero-width characters, soft hyphens, and full-width forms of ASCII. A dot between words stays a dot: only
//! bracketed forms are rewritten.

use crate::mapped::Mapped;

/// Bracketed forms, lower case, with what they stand for.
const FORMS: [(&str, &str); 22] = [
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[.", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    ("[punkt]", "."),
    ("(punkt)", "."),
    ("[@]", "@"),
    ("(@)", "@"),
    ("{@}", "@"),
    ("[at]", "@"),
    ("(at)", "@"),
    ("{at}", "@"),
    ("[:]", ":"),
    ("(:)", ":"),
    ("[:", ":"),
    ("[://]", "://"),
    ("[/]", "/"),
    ("[//]", "//"),
    ("[:]//", "://"),
];

/// Characters that are not seen.
pub fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

/// The same text without tricks.
pub fn refang(text: &str) -> Mapped {
    let mut out = Mapped::default();
    let mut at = 0;
    let mut clean = 0;
    while let Some(letter) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let next = at + letter.len_utf8();
        let replaced = match letter {
            '[' | '(' | '{' => form(text, at),
            ' ' => spaced_form(text, at),
            '。' | '．' | '｡' => Some((".", next)),
            '\u{ff01}'..='\u{ff5e}' => Some(("", next)),
            _ if is_invisible(letter) => Some(("", next)),
            _ => None,
        };
        let Some((replacement, end)) = replaced else {
            at = next;
            continue;
        };
        if clean < at {
            out.push_str(text.get(clean..at).unwrap_or_default(), clean);
        }
        out.note_rewritten();
        if let '\u{ff01}'..='\u{ff5e}' = letter
            && replacement.is_empty()
        {
            let ascii = u32::from(letter).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(letter);
            out.push(ascii, at);
        }
        for letter in replacement.chars() {
            out.push(letter, at);
        }
        at = end;
        clean = end;
    }
    out.push_str(text.get(clean..).unwrap_or_default(), clean);
    out
}

/// A bracketed form at `at`, where it stands inside of a name or address.
fn form(text: &str, at: usize) -> Option<(&'static str, usize)> {
    let rest = text.get(at..)?.as_bytes();
    let (form, stands_for) = FORMS
        .iter()
        .filter(|(form, _)| {
            rest.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form.as_bytes()))
        })
        .max_by_key(|(form, _)| form.len())?;
    let end = at + form.len();
    let before = text.get(..at)?.chars().next_back()?;
    let after = text.get(end..)?.chars().next()?;
    let name_follows = after.is_alphanumeric() || matches!(after, '/' | '[');
    let between_slashes = matches!(before, ':' | '/') && stands_for.starts_with('/');
    if before.is_alphanumeric() && name_follows || between_slashes {
        return Some((stands_for, end));
    }
    // `user[at] example`: a whole word in brackets may be followed by a space.
    let word = form.len() > 3 && before.is_alphanumeric();
    word_after(text, end).filter(|_| word).map(|end| (*stands_for, end))
}

/// ` [dot] ` and relatives with the spaces around.
fn spaced_form(text: &str, at: usize) -> Option<(&'static str, usize)> {
    let start = at + 1;
    let rest = text.get(start..)?.as_bytes();
    if !matches!(rest.first(), Some(b'[' | b'(' | b'{')) {
        return None;
    }
    let (form, stands_for) = FORMS.iter().find(|(form, _)| {
        form.len() > 3
            && form.ends_with([']', ')', '}'])
            && rest.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form.as_bytes()))
    })?;
    let before = text.get(..at)?.chars().next_back()?;
    let end = word_after(text, start + form.len())?;
    before.is_alphanumeric().then_some((stands_for, end))
}

/// Skips one space if a word follows.
fn word_after(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let word = rest.strip_prefix(' ').unwrap_or(rest);
    word.starts_with(char::is_alphanumeric).then(|| at + rest.len() - word.len())
}
