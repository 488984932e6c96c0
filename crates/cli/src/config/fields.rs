//! Reading a mapping with known keys. What is wrong is reported and left out, so that one mistake does not hide the next.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use exchange::Mailbox;
use expr::nearest;

use super::keys::Key;
use super::problem::Sink;
use super::secret::SecretRef;
use super::tree::{Entry, Node, Place, Value};

/// What is known beside the mapping itself.
pub(crate) struct Around<'a> {
    /// The folder relative paths begin at.
    pub(crate) base: &'a Path,
    /// The named secrets; `None` where one must not name another. One that is wrong itself has no value.
    pub(crate) secrets: Option<&'a BTreeMap<String, Option<SecretRef>>>,
}

/// A mapping that is being read.
pub(crate) struct Fields<'t> {
    /// What messages call it: "connection `mail`".
    pub(crate) what: String,
    pub(crate) place: Place,
    entries: &'t [Entry],
}

impl<'t> Fields<'t> {
    /// The mapping, whatever its keys. Nothing counts as an empty one.
    pub(crate) fn open(node: &'t Node, what: impl Into<String>, sink: &mut Sink) -> Option<Self> {
        let what = what.into();
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                sink.error(node.place, format!("{what} must be a mapping, this is {}", node.what()));
                return None;
            }
        };
        for (at, entry) in entries.iter().enumerate() {
            if let Some(first) = entries.iter().take(at).find(|first| first.key == entry.key) {
                let line = first.place.line;
                sink.error(
                    entry.place,
                    format!("{what} has this key twice; the first one is in line {line}"),
                );
            }
        }
        Some(Fields { what, place: node.place, entries })
    }

    /// Reports every key that is none of these.
    pub(crate) fn know<'k>(&self, known: impl Iterator<Item = &'k str> + Clone, sink: &mut Sink) {
        for Entry { key, place, .. } in self.entries {
            if !known.clone().any(|name| name == key) {
                let help = nearest(key, known.clone()).map_or_else(
                    || format!("known keys: {}", known.clone().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                sink.error(*place, format!("{} has no key `{key}`; {help}", self.what));
            }
        }
    }

    /// As [`Fields::know`], and reports the required keys that are missing.
    pub(crate) fn know_keys(&self, known: &'static [Key], sink: &mut Sink) {
        self.know(known.iter().map(|key| key.name), sink);
        self.require(known, sink);
    }

    /// Reports the required keys that are missing.
    pub(crate) fn require(&self, known: &'static [Key], sink: &mut Sink) {
        for key in known.iter().filter(|key| key.required && !self.has(key.name, known)) {
            sink.error(self.place, format!("{} needs `{}`: {}", self.what, key.name, lower(key.doc)));
        }
    }

    /// Whether a key is there, or was probably meant: a misspelt one has been reported with this one as the suggestion.
    pub(crate) fn has(&self, name: &str, known: &[Key]) -> bool {
        let meant = |entry: &Entry| {
            known.iter().all(|key| key.name != entry.key) && nearest(&entry.key, [name]).is_some()
        };
        self.get(name).is_some() || self.entries.iter().any(meant)
    }

    pub(crate) fn entries(&self) -> &'t [Entry] {
        self.entries
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'t Entry> {
        self.entries.iter().find(|entry| entry.key == name)
    }

    /// Where a key stands, or the mapping where it does not.
    pub(crate) fn place_of(&self, name: &str) -> Place {
        self.get(name).map_or(self.place, |entry| entry.place)
    }

    /// The first of these keys that is there.
    pub(crate) fn first_of(&self, names: &[&str]) -> Option<&'t Entry> {
        self.entries.iter().find(|entry| names.contains(&entry.key.as_str()))
    }

    fn wrong(&self, name: &str, node: &Node, wanted: &str, sink: &mut Sink) {
        sink.error(
            node.place,
            format!("`{name}` of {} must be {wanted}, this is {}", self.what, node.what()),
        );
    }

    /// Text that is not empty.
    pub(crate) fn text(&self, name: &str, sink: &mut Sink) -> Option<&'t str> {
        let node = &self.get(name)?.value;
        match &node.value {
            Value::Text(text) if text.trim().is_empty() || text.contains(char::is_control) => {
                let message = format!("`{name}` of {} is empty or has control characters", self.what);
                sink.error(node.place, message);
                None
            }
            Value::Text(text) => Some(text),
            Value::Number(_) | Value::Bool(_) => {
                self.wrong(name, node, "text: put it in quotes", sink);
                None
            }
            _ => {
                self.wrong(name, node, "text", sink);
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn word(
        &self,
        name: &str,
        known: &'static [&'static str],
        sink: &mut Sink,
    ) -> Option<&'static str> {
        let said = self.text(name, sink)?;
        let found = known.iter().find(|word| **word == said).copied();
        if found.is_none() {
            sink.error(
                self.get(name)?.value.place,
                format!("`{name}` of {} cannot be `{said}`; {}", self.what, one_of(said, known)),
            );
        }
        found
    }

    /// A whole number inside limits.
    pub(crate) fn number(&self, name: &str, least: u32, most: u32, sink: &mut Sink) -> Option<u32> {
        let node = &self.get(name)?.value;
        let Value::Number(digits) = &node.value else {
            self.wrong(name, node, "a whole number", sink);
            return None;
        };
        let number = digits.parse().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            sink.error(
                node.place,
                format!("`{name}` of {} must be a whole number from {least} to {most}", self.what),
            );
        }
        number
    }

    /// true or false; false where it is not there.
    pub(crate) fn flag(&self, name: &str, sink: &mut Sink) -> bool {
        let Some(Entry { value: node, .. }) = self.get(name) else { return false };
        if let Value::Bool(flag) = node.value {
            return flag;
        }
        self.wrong(name, node, "true or false", sink);
        false
    }

    /// A time from a second to an hour.
    pub(crate) fn duration(&self, name: &str, sink: &mut Sink) -> Option<Duration> {
        let node = &self.get(name)?.value;
        let what = &self.what;
        let wrong = match &node.value {
            Value::Text(text) => match super::duration(text) {
                Ok(long) if (1..=3600).contains(&long.as_secs()) => return Some(long),
                Ok(_) => format!("`{name}` of {what} must be from 1s to 1h"),
                Err(why) => format!("`{name}` of {what}: {why}"),
            },
            Value::Number(number) => {
                format!("`{name}` of {what}: {number} of what? Write a unit: `{number}s`, `{number}m`")
            }
            _ => format!("`{name}` of {what} must be a time such as 60s, this is {}", node.what()),
        };
        sink.error(node.place, wrong);
        None
    }

    /// A mail address.
    pub(crate) fn address(&self, name: &str, sink: &mut Sink) -> Option<Mailbox> {
        let text = self.text(name, sink)?;
        let mailbox = Mailbox::new(text);
        if mailbox.is_none() {
            let place = self.get(name)?.value.place;
            sink.error(
                place,
                format!("`{name}` of {} must be a mail address such as soc@corp.example", self.what),
            );
        }
        mailbox
    }

    /// A file that is there.
    pub(crate) fn file(&self, name: &str, around: &Around<'_>, sink: &mut Sink) -> Option<PathBuf> {
        let text = self.text(name, sink)?;
        let place = around.base.join(text);
        if place.is_file() {
            return Some(place);
        }
        sink.error(
            self.get(name)?.value.place,
            format!("`{name}` of {}: there is no file {}", self.what, place.display()),
        );
        None
    }

    /// A list of texts.
    pub(crate) fn texts(&self, name: &str, sink: &mut Sink) -> Vec<String> {
        let Some(Entry { value: node, .. }) = self.get(name) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.wrong(name, node, "a list", sink);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) => texts.push(text.clone()),
                _ => self.wrong(name, item, "a list of texts", sink),
            }
        }
        texts
    }

    /// A secret: a place where it is, the name of one, or the secret itself.
    pub(crate) fn secret(&self, name: &str, around: &Around<'_>, sink: &mut Sink) -> Option<SecretRef> {
        let entry = self.get(name)?;
        secret(&entry.value, &format!("`{name}` of {}", self.what), around, sink)
    }
}

/// A secret. `what` is what messages call it.
pub(crate) fn secret(node: &Node, what: &str, around: &Around<'_>, sink: &mut Sink) -> Option<SecretRef> {
    match &node.value {
        Value::Text(text) => match text.strip_prefix("secret:") {
            Some(name) => named(name, node.place, what, around, sink),
            None if text.is_empty() || text.contains(['\n', '\r', '\0']) => {
                sink.error(node.place, format!("{what} is empty or has line breaks"));
                None
            }
            None => {
                let line = node.place.line;
                sink.warn(
                    node.place,
                    format!(
                        "warning: {what} stands in plain text in line {line}, for everybody who can read this file; \
                         write `{{ env: VARIABLE }}`, `{{ file: PATH }}` or `{{ keyring: NAME }}` instead"
                    ),
                );
                Some(SecretRef::known(text))
            }
        },
        Value::Map(entries) => placed(node, entries, what, around, sink),
        _ => {
            // The value is not repeated: it may be the secret.
            sink.error(node.place, format!("{what} must be `{{ env: VARIABLE }}`, `{{ file: PATH }}`, `{{ keyring: NAME }}`, `secret:NAME` or text in quotes"));
            None
        }
    }
}

fn named(name: &str, place: Place, what: &str, around: &Around<'_>, sink: &mut Sink) -> Option<SecretRef> {
    let Some(secrets) = around.secrets else {
        sink.error(
            place,
            format!(
                "{what} names another secret; say where it is: `{{ env: VARIABLE }}`, `{{ file: PATH }}` or `{{ keyring: NAME }}`"
            ),
        );
        return None;
    };
    match secrets.get(name) {
        Some(secret) => secret.clone(),
        None => {
            let help = nearest(name, secrets.keys().map(String::as_str)).map_or_else(
                || format!("add it: `secrets: {{ {name}: {{ env: VARIABLE }} }}`"),
                |near| format!("did you mean `secret:{near}`?"),
            );
            sink.error(place, format!("{what} is `secret:{name}`, but `secrets:` has no `{name}`; {help}"));
            None
        }
    }
}

fn placed(
    node: &Node,
    entries: &[Entry],
    what: &str,
    around: &Around<'_>,
    sink: &mut Sink,
) -> Option<SecretRef> {
    let wanted = "names exactly one place: `env: VARIABLE`, `file: PATH` or `keyring: NAME`";
    let [Entry { key, value, place }] = entries else {
        sink.error(node.place, format!("{what} {wanted}"));
        return None;
    };
    let text = match &value.value {
        Value::Text(text) if !text.is_empty() && !text.contains(char::is_control) => text,
        _ => {
            sink.error(value.place, format!("{what} {wanted}, as text"));
            return None;
        }
    };
    match key.as_str() {
        "env" => Some(SecretRef::Env(text.clone())),
        "file" => Some(SecretRef::File(around.base.join(text))),
        "keyring" => Some(SecretRef::Keyring(text.clone())),
        // The key is not repeated: somebody may have written the secret between the braces.
        _ => {
            sink.error(*place, format!("{what} {wanted}"));
            None
        }
    }
}

/// "did you mean `x`?", or all there are.
pub(crate) fn one_of(said: &str, known: &[&str]) -> String {
    nearest(said, known.iter().copied()).map_or_else(
        || format!("write one of {}", known.join(", ")),
        |near| format!("did you mean `{near}`?"),
    )
}

/// A sentence as the second half of another.
fn lower(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut chars = sentence.chars();
    let second_is_capital = sentence.chars().nth(1).is_some_and(char::is_uppercase);
    match chars.next() {
        Some(first) if !second_is_capital => first.to_lowercase().chain(chars).collect(),
        _ => sentence.to_owned(),
    }
}
