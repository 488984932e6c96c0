//! Takes secrets out of what comes back: as they are, and as they look inside a URL, JSON or an `Authorization`
//! header. A server that repeats a request in its error message must not get a password into a journal.
//!
//! Left out: forms that only somebody who wants to leak makes, such as reversed or encrypted; an action is trusted
//! that far.

use action_api::Outcome;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use plan::Failure;
use serde_json::Value;

/// Shorter secrets are hidden as they are and not in other forms, which would be found everywhere.
const SHORTEST: usize = 6;

/// What a message ends with that was cut off.
const CUT: &str = "…";
/// How much of the beginning of a form is worth hiding.
const BEGINNING: usize = 4;

/// What is to be hidden, and what stands in its place.
#[derive(Clone, Default)]
pub struct Hider {
    /// The longest first: a part of a form must not be replaced before the whole.
    forms: Vec<(String, String)>,
}

impl Hider {
    /// Hides a secret from now on, with `secret:NAME` in its place.
    pub fn add(&mut self, name: &str, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let label = format!("secret:{name}");
        self.forms.extend(forms(secret).into_iter().map(|form| (form, label.clone())));
        self.forms.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// A text without the secrets.
    pub fn text(&self, text: &str) -> String {
        let hide = |text: String, (form, label): &(String, String)| {
            if text.contains(form.as_str()) { text.replace(form.as_str(), label) } else { text }
        };
        let hidden = self.forms.iter().fold(text.to_owned(), hide);
        if hidden.contains(CUT) { self.beginnings(&hidden) } else { hidden }
    }

    /// Takes out the beginning of a secret where a message was cut off in its middle.
    fn beginnings(&self, text: &str) -> String {
        let mut parts: Vec<String> = text.split(CUT).map(str::to_owned).collect();
        let last = parts.pop();
        for part in &mut parts {
            let begun = self.forms.iter().filter_map(|(form, label)| Some((begun(part, form)?, label)));
            if let Some((kept, label)) = begun.min_by_key(|(kept, _)| *kept) {
                part.truncate(kept);
                part.push_str(label);
            }
        }
        parts.extend(last);
        parts.join(CUT)
    }

    /// A value without the secrets, names of fields included.
    pub fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => {
                let old = std::mem::take(map);
                map.extend(old.into_iter().map(|(name, mut value)| {
                    self.value(&mut value);
                    (self.text(&name), value)
                }));
            }
            _ => {}
        }
    }

    /// An outcome without the secrets.
    #[must_use]
    pub fn outcome(&self, mut outcome: Outcome) -> Outcome {
        if !self.is_empty() {
            self.value(&mut outcome.output);
            if let Some(inverse) = &mut outcome.inverse {
                self.value(&mut inverse.input);
            }
        }
        outcome
    }

    /// A failure without the secrets.
    #[must_use]
    pub fn failure(&self, mut failure: Failure) -> Failure {
        if !self.is_empty() {
            failure.message = self.text(&failure.message);
            self.value(&mut failure.details);
        }
        failure
    }
}

impl std::fmt::Debug for Hider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hider({} forms)", self.forms.len())
    }
}

/// Where the beginning of a form begins that a text ends with.
fn begun(text: &str, form: &str) -> Option<usize> {
    let longest = form.len().min(text.len());
    let fits = |length: &usize| form.get(..*length).is_some_and(|start| text.ends_with(start));
    (BEGINNING..longest).rev().find(fits).map(|length| text.len() - length)
}

/// A secret as it may come back.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    if secret.len() < SHORTEST {
        return forms;
    }
    let json = Value::from(secret).to_string();
    forms.push(json.trim_matches('"').to_owned());
    forms.push(format!("{secret:?}").trim_matches('"').to_owned());
    for upper in [true, false] {
        forms.push(percent(secret, upper, "%20"));
        forms.push(percent(secret, upper, "+"));
    }
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    forms.push(xml.replace('"', "&quot;").replace('\'', "&apos;"));
    forms.push(xml);
    for skipped in 0..3_usize {
        // Behind a user name and a colon the letters of Base64 depend on where the secret begins. The first and the
        // last ones also depend on what stands around it, and are left.
        let mut bytes = vec![b' '; skipped];
        bytes.extend_from_slice(secret.as_bytes());
        let first = (skipped * 8).div_ceil(6);
        let whole = bytes.len() * 8 / 6;
        for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.extend(text.get(first..whole).map(str::to_owned));
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// Everything but letters, digits and `-._~` as `%XX`.
fn percent(text: &str, upper: bool, space: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte {
            b' ' => out.push_str(space),
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ if upper => out.push_str(&format!("%{byte:02X}")),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn hider(secret: &str) -> Hider {
        let mut hider = Hider::default();
        hider.add("key", secret);
        hider
    }

    #[test]
    fn a_secret_is_found_in_every_form_it_comes_back_in() {
        let secret = "gr\u{fc}n \"7\" <&> a/b+c%";
        let hider = hider(secret);
        let mut texts = vec![
            secret.to_owned(),
            json!({ "echo": secret }).to_string(),
            format!("{secret:?}"),
            "https://x.test/?k=gr%C3%BCn%20%227%22%20%3C%26%3E%20a%2Fb%2Bc%25".to_owned(),
            "k=gr%c3%bcn+%227%22+%3c%26%3e+a%2fb%2bc%25".to_owned(),
            "<a k=\"gr\u{fc}n &quot;7&quot; &lt;&amp;&gt; a/b+c%\"/>".to_owned(),
        ];
        for user in ["", "u", "us", "use", "svc@corp.example"] {
            texts.push(format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))));
        }
        for text in texts {
            let hidden = hider.text(&text);
            assert!(hidden.contains("secret:key"), "{text}: {hidden}");
            for part in ["7", "a/b", "%2B", "%2b"] {
                assert!(!hidden.contains(part), "{text}: {hidden}");
            }
        }
        assert_eq!(hider.text("nothing to see"), "nothing to see");
    }

    #[test]
    fn fields_names_and_failures_are_gone_through() {
        let hider = hider("hunter-22");
        let mut value = json!({ "hunter-22": ["a hunter-22 b", { "n": 1 }] });
        hider.value(&mut value);
        assert_eq!(value, json!({ "secret:key": ["a secret:key b", { "n": 1 }] }));
        let failure = Failure::new(plan::FailureKind::Invalid, plan::Blame::Server, "not hunter-22");
        assert_eq!(hider.failure(failure).message, "not secret:key");
    }

    #[test]
    fn a_beginning_that_a_cut_left_over_is_taken_out() {
        let hider = hider("hunter-22-and-more");
        assert_eq!(hider.text("not hunter-22-a… (and so on)"), "not secret:key… (and so on)");
        assert_eq!(hider.text("not hun… hunter-22-and-more…"), "not hun… secret:key…");
    }

    proptest! {
        #[test]
        fn nothing_of_a_secret_is_left_in_base64(user in ".{0,8}", secret in ".{8,24}") {
            let text = STANDARD.encode(format!("{user}:{secret}"));
            let hidden = hider(&secret).text(&text);
            prop_assert!(hidden.contains("secret:key"), "{} {}", text, hidden);
        }
    }
}
