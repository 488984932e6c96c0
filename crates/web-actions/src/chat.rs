//! Text for people in a chat: what a stranger wrote must stay text, and fit.

use schemars::JsonSchema;
use serde::Deserialize;

/// What stands at the end of a text that was cut.
const CUT: &str = "… (cut)";

/// A line with a name and a value.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fact {
    /// What it is, e.g. `Sender`.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) name: String,
    /// Its value, as plain text.
    pub(crate) value: String,
}

/// Whether people do not see it: control characters but for the end of a line and the tab, marks that turn the
/// direction of what follows, spaces without width, and tags. The joiners stay: scripts and emoji need them.
fn unseen(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\t')
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{61c}')
        || matches!(letter, '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A text without what is not seen. Every character that ends a line is the same one afterwards.
pub(crate) fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let text = text.chars().map(|letter| match letter {
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        other => other,
    });
    text.filter(|letter| !unseen(*letter)).collect()
}

/// A text on one line: what stands in large or bold type must not look like more than one thing.
pub(crate) fn line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text, or something that says that there is none: services refuse an empty one.
pub(crate) fn or_nothing(text: String) -> String {
    if text.trim().is_empty() { "(no text)".to_owned() } else { text }
}

/// The beginning of a text that costs at most so much, and whether something was cut off.
pub(crate) fn cut(text: &str, most: usize, cost: impl Fn(char) -> usize) -> (String, bool) {
    let price = |text: &str| text.chars().map(&cost).sum::<usize>();
    if price(text) <= most {
        return (text.to_owned(), false);
    }
    let mut left = most.saturating_sub(price(CUT));
    let mut kept = String::new();
    for letter in text.chars() {
        let Some(rest) = left.checked_sub(cost(letter)) else { break };
        left = rest;
        kept.push(letter);
    }
    kept.push_str(CUT);
    (kept, true)
}

/// A text in pieces that each cost at most so much, divided at the end of a line where there is one.
pub(crate) fn pieces(text: &str, most: usize, cost: impl Fn(char) -> usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let (mut piece, mut price) = (String::new(), 0);
    for line in text.split_inclusive('\n') {
        let whole: usize = line.chars().map(&cost).sum();
        if price + whole > most && !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
            price = 0;
        }
        for letter in line.chars() {
            if price + cost(letter) > most {
                pieces.push(std::mem::take(&mut piece));
                price = 0;
            }
            price += cost(letter);
            piece.push(letter);
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_seen_is_taken_out() {
        assert_eq!(plain("a\u{202e}gpj.exe\u{7}\r\nb\tc\u{0}"), "agpj.exe\nb\tc");
        assert_eq!(plain("pay\u{200b}pal\u{61c}\u{e0041}\u{2060}\rb\u{2028}c"), "paypal\nb\nc");
        assert_eq!(
            plain("\u{1f468}\u{200d}\u{1f4bb} \u{645}\u{200c}\u{6cc}"),
            "\u{1f468}\u{200d}\u{1f4bb} \u{645}\u{200c}\u{6cc}"
        );
        assert_eq!(line(" Sender\u{2028}Verdict:\tclean\r\n\u{85} "), "Sender Verdict: clean");
        assert_eq!(or_nothing(line("\n\u{2029}\t")), "(no text)");
        assert_eq!(or_nothing(plain("\u{202e} ")), "(no text)");
    }

    proptest! {
        #[test]
        fn a_cut_text_fits_and_begins_as_it_did(text in "\\PC{0,60}", most in 10_usize..60) {
            let (kept, was_cut) = cut(&text, most, char::len_utf8);
            prop_assert!(kept.len() <= most);
            let begin = if was_cut { kept.strip_suffix(CUT).unwrap() } else { &kept };
            prop_assert!(text.starts_with(begin));
            prop_assert_eq!(was_cut, kept != text);
        }

        #[test]
        fn pieces_fit_and_are_the_text(text in "[a-c\n]{0,60}", most in 1_usize..20) {
            let pieces = pieces(&text, most, |_| 1);
            prop_assert!(pieces.iter().all(|piece| piece.chars().count() <= most));
            let seen = |text: &str| text.replace('\n', "");
            prop_assert_eq!(seen(&pieces.concat()), seen(&text));
        }
    }
}
