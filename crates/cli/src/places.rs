//! Step paths that a person typed, and those that were probably meant.

use engine::{Ask, Form, StepPath};
use similar::TextDiff;

use crate::output::line;

/// How many near ones are named.
const NAMED: usize = 3;

/// Nothing is to be decided at this step; here is where something is.
pub(crate) fn no_question(path: &StepPath, asks: &[Ask]) -> String {
    let open: Vec<&str> = asks.iter().map(|ask| ask.path.as_str()).collect();
    said(&format!("{} does not wait for a decision", line(path.as_str())), path, &open)
}

/// No form is open at this step; here is where one is.
pub(crate) fn no_form(path: &StepPath, forms: &[Form]) -> String {
    let open: Vec<&str> = forms.iter().map(|form| form.path.as_str()).collect();
    said(&format!("{} does not wait for an answer", line(path.as_str())), path, &open)
}

fn said(what: &str, path: &StepPath, open: &[&str]) -> String {
    let near = nearest(path.as_str(), open);
    match near.as_slice() {
        [] => format!("{what}, and no other step does"),
        [one] => format!("{what}; {one} does"),
        many => format!("{what}; these do: {}", many.join(", ")),
    }
}

/// The likeliest first.
pub(crate) fn nearest(wanted: &str, known: &[&str]) -> Vec<String> {
    let mut rated: Vec<(f32, &str)> =
        known.iter().map(|known| (TextDiff::from_chars(wanted, *known).ratio(), *known)).collect();
    rated.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
    rated.into_iter().take(NAMED).map(|(_, known)| line(known)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_step_is_named_first() {
        let known = ["other", "clean/per_mailbox[17]/gate", "clean/per_mailbox[18]/gate", "first", "last"];
        assert_eq!(nearest("clean/per_mailbx[17]/gate", &known)[0], "clean/per_mailbox[17]/gate");
        assert_eq!(nearest("x", &known).len(), NAMED);
        let path = StepPath::from("gate\u{1b}[2K");
        assert_eq!(
            no_question(&path, &[]),
            "gate\\u{1b}[2K does not wait for a decision, and no other step does"
        );
    }
}
