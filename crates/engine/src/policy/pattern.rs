//! The names a policy speaks of: actions, mailboxes, and plain names.
//!
//! Each is read whole or refused, with what was expected: a policy that is misunderstood is worse than none.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something a list of allowed names can hold.
pub(crate) trait Pattern: fmt::Display {
    /// Whether it means this one.
    fn means(&self, name: &str) -> bool;
}

/// An action, or every action of a noun or plugin: `mail.delete`, `mail.*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActionPattern(String);

/// A mailbox, or every mailbox of a domain: `alice@corp.example`, `@corp.example`. Upper case does not matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailboxPattern(String);

/// A plain name of a connection or a plugin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Named(String);

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

impl TryFrom<String> for ActionPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits =
            text.split_once('.').is_some_and(|(noun, verb)| is_word(noun) && (verb == "*" || is_word(verb)));
        if fits {
            return Ok(ActionPattern(text));
        }
        Err(format!(
            "`{}`: expected an action such as `mail.delete`, or `mail.*` for all of them",
            shown(&text)
        ))
    }
}

impl TryFrom<String> for MailboxPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |part: &str| {
            !part.is_empty()
                && !part.contains(['@', '*'])
                && !part.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        let fits = text
            .split_once('@')
            .is_some_and(|(local, domain)| (local.is_empty() || plain(local)) && plain(domain));
        if fits {
            return Ok(MailboxPattern(normal_mailbox(&text)));
        }
        Err(format!(
            "`{}`: expected an address such as `alice@corp.example`, or `@corp.example` for a whole domain",
            shown(&text)
        ))
    }
}

impl TryFrom<String> for Named {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if is_word(&text) {
            return Ok(Named(text));
        }
        Err(format!("`{}`: expected a name of letters, digits, `-` and `_`", shown(&text)))
    }
}

/// Short, and without anything that would disturb a terminal.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(80).collect()
}

/// An address as it is compared and counted: what Exchange takes for the same mailbox is the same text.
pub(crate) fn normal_mailbox(address: &str) -> String {
    let lower = address.to_lowercase();
    match lower.rsplit_once('@') {
        Some((local, domain)) => {
            let bare = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(local);
            format!("{bare}@{}", domain.trim_end_matches('.'))
        }
        None => lower,
    }
}

impl Pattern for ActionPattern {
    fn means(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(noun) => name.starts_with(noun),
            None => self.0 == name,
        }
    }
}

impl Pattern for MailboxPattern {
    /// `name` is normal already.
    fn means(&self, name: &str) -> bool {
        if self.0.starts_with('@') {
            name.rfind('@').and_then(|at| name.get(at..)) == Some(self.0.as_str())
        } else {
            self.0 == name
        }
    }
}

impl Pattern for Named {
    fn means(&self, name: &str) -> bool {
        self.0 == name
    }
}

macro_rules! texts {
    ($($name:ident)*) => { $(
        impl From<$name> for String {
            fn from(pattern: $name) -> String {
                pattern.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )* };
}

texts!(ActionPattern MailboxPattern Named);

#[cfg(test)]
mod tests {
    use super::*;

    fn action(text: &str) -> ActionPattern {
        text.to_owned().try_into().unwrap()
    }

    fn mailbox(text: &str) -> MailboxPattern {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn a_star_means_the_whole_noun_and_nothing_beside_it() {
        assert!(action("mail.*").means("mail.delete"));
        assert!(!action("mail.*").means("mailbox.get_out_of_office"));
        assert!(
            action("mail.delete").means("mail.delete")
                && !action("mail.delete").means("mail.delete_attachments")
        );
    }

    #[test]
    fn a_domain_means_its_mailboxes_and_no_other_domain() {
        assert!(mailbox("@Corp.Example").means(&normal_mailbox("Alice@CORP.example")));
        for other in
            ["alice@sub.corp.example", "alice@evilcorp.example", "corp.example", "@corp.example.evil"]
        {
            assert!(!mailbox("@corp.example").means(&normal_mailbox(other)), "{other}");
        }
        for same in ["ceo@corp.example", "CEO@corp.example", "\"ceo\"@corp.example", "ceo@corp.example."] {
            assert!(mailbox("ceo@corp.example").means(&normal_mailbox(same)), "{same}");
        }
    }

    #[test]
    fn what_could_mean_too_much_is_refused() {
        for text in ["", "*", "mail", "mail.", ".delete", "*.delete", "mail.del*", "mail.a.b", "mail. delete"]
        {
            assert!(ActionPattern::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in
            ["", "@", "*@corp.example", "corp.example", "a@b@c", "a b@corp.example", "@*", "@*.example"]
        {
            assert!(MailboxPattern::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in ["", "*", "a.b", "a b"] {
            assert!(Named::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
