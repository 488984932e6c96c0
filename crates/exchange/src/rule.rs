//! Inbox rules: what a mailbox does with mail by itself, which is where intruders hide their forwarding.
//!
//! A rule is data of one shape: clauses with a name and values. The names and what their values mean are tables
//! ([`CONDITIONS`], [`ACTIONS`]), those of
//! [EWS](https://learn.microsoft.com/exchange/client-developer/web-service-reference/rule) in snake case. So a rule
//! can be kept, shown, and put back as it was without thirty fields for thirty conditions. Left out: hidden rules
//! and rules that only one mail client knows, which no wire shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the values of a clause are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One value, `true` or `false`.
    Flag,
    /// Texts.
    Texts,
    /// Addresses; one that is not SMTP begins with its type and a colon, e.g. `EX:/o=Corp`.
    People,
    /// One word of the protocol, e.g. `High`.
    Word,
    /// One folder: `id:` and the server's id, or a well-known name.
    Folder,
    /// One item: its id and its version.
    Item,
    /// Two times, RFC 3339: from, to. An empty text leaves that side open.
    Times,
    /// Two sizes in kilobytes: from, to. An empty text leaves that side open.
    Sizes,
}

/// Every condition (and exception) there is, in the order of the schema.
pub const CONDITIONS: [(&str, Kind); 34] = [
    ("categories", Kind::Texts),
    ("contains_body_strings", Kind::Texts),
    ("contains_header_strings", Kind::Texts),
    ("contains_recipient_strings", Kind::Texts),
    ("contains_sender_strings", Kind::Texts),
    ("contains_subject_or_body_strings", Kind::Texts),
    ("contains_subject_strings", Kind::Texts),
    ("flagged_for_action", Kind::Word),
    ("from_addresses", Kind::People),
    ("from_connected_accounts", Kind::Texts),
    ("has_attachments", Kind::Flag),
    ("importance", Kind::Word),
    ("is_approval_request", Kind::Flag),
    ("is_automatic_forward", Kind::Flag),
    ("is_automatic_reply", Kind::Flag),
    ("is_encrypted", Kind::Flag),
    ("is_meeting_request", Kind::Flag),
    ("is_meeting_response", Kind::Flag),
    ("is_ndr", Kind::Flag),
    ("is_permission_controlled", Kind::Flag),
    ("is_read_receipt", Kind::Flag),
    ("is_signed", Kind::Flag),
    ("is_voicemail", Kind::Flag),
    ("item_classes", Kind::Texts),
    ("message_classifications", Kind::Texts),
    ("not_sent_to_me", Kind::Flag),
    ("sent_cc_me", Kind::Flag),
    ("sent_only_to_me", Kind::Flag),
    ("sent_to_addresses", Kind::People),
    ("sent_to_me", Kind::Flag),
    ("sent_to_or_cc_me", Kind::Flag),
    ("sensitivity", Kind::Word),
    ("within_date_range", Kind::Times),
    ("within_size_range", Kind::Sizes),
];

/// Every action there is, in the order of the schema.
pub const ACTIONS: [(&str, Kind); 13] = [
    ("assign_categories", Kind::Texts),
    ("copy_to_folder", Kind::Folder),
    ("delete", Kind::Flag),
    ("forward_as_attachment_to_recipients", Kind::People),
    ("forward_to_recipients", Kind::People),
    ("mark_importance", Kind::Word),
    ("mark_as_read", Kind::Flag),
    ("move_to_folder", Kind::Folder),
    ("permanent_delete", Kind::Flag),
    ("redirect_to_recipients", Kind::People),
    ("send_sms_alert_to_recipients", Kind::People),
    ("server_reply_with_message", Kind::Item),
    ("stop_processing_rules", Kind::Flag),
];

/// One condition, exception or action of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// What it is, e.g. `contains_subject_strings` or `forward_to_recipients`.
    #[serde(rename = "clause")]
    pub name: String,
    /// What it compares with or acts on: texts, addresses, a folder; of a mark `true` or `false`.
    #[schemars(length(max = 1000), extend("x-untrusted" = true))]
    pub values: Vec<String>,
}

/// A rule of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The server's id; empty for a rule that is to be made.
    pub id: String,
    /// Its name; whoever controls the mailbox chose it.
    pub name: String,
    /// Rules run in this order, the lowest first.
    pub priority: i32,
    /// Whether it runs.
    pub enabled: bool,
    /// Whether the server says that it does not work.
    pub in_error: bool,
    /// Whether all of it is known here. Writing a rule back that is not would lose a part of it.
    pub complete: bool,
    /// All must hold; without any it is about every message.
    pub conditions: Vec<Clause>,
    /// None may hold.
    pub exceptions: Vec<Clause>,
    /// What is done.
    pub actions: Vec<Clause>,
}

impl Rule {
    /// The values of its actions with this name.
    pub fn action(&self, name: &str) -> impl Iterator<Item = &str> {
        let name = name.to_owned();
        self.actions
            .iter()
            .filter(move |clause| clause.name == name)
            .flat_map(|clause| clause.values.iter().map(String::as_str))
    }

    /// Whether it has an action of this name that is `true`.
    pub fn does(&self, name: &str) -> bool {
        self.action(name).any(|value| value == "true")
    }

    /// What makes it impossible to write, if anything does: a clause nobody knows, or values of another kind.
    pub fn fault(&self) -> Option<String> {
        let parts = [
            ("condition", &self.conditions, CONDITIONS.as_slice()),
            ("exception", &self.exceptions, CONDITIONS.as_slice()),
            ("action", &self.actions, ACTIONS.as_slice()),
        ];
        if self.name.trim().is_empty() {
            return Some("the rule has no name".to_owned());
        }
        if self.actions.is_empty() {
            return Some("the rule does nothing: it needs an action".to_owned());
        }
        parts.into_iter().find_map(|(what, clauses, table)| {
            clauses.iter().enumerate().find_map(|(at, clause)| {
                let known = table.iter().find(|(name, _)| *name == clause.name);
                let Some((_, kind)) = known else {
                    return Some(format!("the {what} `{}` is not known", clause.name));
                };
                if clauses.iter().take(at).any(|other| other.name == clause.name) {
                    return Some(format!("the {what} `{}` is there twice", clause.name));
                }
                (!kind.fits(&clause.values))
                    .then(|| format!("the values of the {what} `{}` are not {}", clause.name, kind.wanted()))
            })
        })
    }
}

impl Kind {
    fn fits(self, values: &[String]) -> bool {
        let one = |test: fn(&str) -> bool| matches!(values, [value] if test(value));
        let range = |test: fn(&str) -> bool| {
            matches!(values, [from, to]
                if [from, to].iter().all(|side| side.is_empty() || test(side)) && !(from.is_empty() && to.is_empty()))
        };
        match self {
            Kind::Flag => one(|value| matches!(value, "true" | "false")),
            Kind::Texts | Kind::People => {
                !values.is_empty() && values.iter().all(|value| !value.trim().is_empty())
            }
            Kind::Word => one(|value| !value.is_empty() && value.chars().all(|c| c.is_ascii_alphabetic())),
            Kind::Folder => one(|value| {
                let known = value.parse::<crate::WellKnownFolder>().is_ok();
                known || value.strip_prefix("id:").is_some_and(|id| !id.is_empty())
            }),
            Kind::Item => {
                matches!(values, [id] | [id, _] if !id.is_empty())
            }
            Kind::Times => range(|value| value.parse::<jiff::Timestamp>().is_ok()),
            Kind::Sizes => range(|value| value.parse::<u32>().is_ok_and(|size| i32::try_from(size).is_ok())),
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Kind::Flag => "one `true` or `false`",
            Kind::Texts => "texts that are not blank",
            Kind::People => "addresses",
            Kind::Word => "one word",
            Kind::Folder => "one folder, a well-known name or `id:` and an id",
            Kind::Item => "the id of an item",
            Kind::Times => "two times, of which one may be empty",
            Kind::Sizes => "two sizes in kilobytes, of which one may be empty",
        }
    }
}

/// The rules of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// In the order they run in.
    pub rules: Vec<Rule>,
    /// Whether a mail client keeps rules of its own there. A change of any rule loses those that are kept nowhere
    /// else, and is refused unless that is allowed.
    pub client_rules: bool,
}

/// A change of the rules of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleChange {
    /// Makes a rule; its id is the server's choice.
    Create(Rule),
    /// Writes over the rule with this id.
    Set(Rule),
    /// Takes the rule with this id away.
    Remove(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, values: &[&str]) -> Rule {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        Rule {
            id: String::new(),
            name: "r".to_owned(),
            priority: 1,
            enabled: true,
            in_error: false,
            complete: true,
            conditions: Vec::new(),
            exceptions: Vec::new(),
            actions: vec![Clause { name: name.to_owned(), values }],
        }
    }

    #[test]
    fn values_fit_their_clauses() {
        for (name, values, good) in [
            ("delete", &["true"][..], true),
            ("delete", &["yes"], false),
            ("delete", &[], false),
            ("delete", &["true", "true"], false),
            ("forward_to_recipients", &["eve@evil.test"], true),
            ("forward_to_recipients", &[" "], false),
            ("move_to_folder", &["id:AAM="], true),
            ("move_to_folder", &["junkemail"], true),
            ("move_to_folder", &["id:"], false),
            ("mark_importance", &["High"], true),
            ("mark_importance", &["</t:Importance>"], false),
            ("burn", &["true"], false),
        ] {
            assert_eq!(rule(name, values).fault().is_none(), good, "{name} {values:?}");
        }
        let mut twice = rule("delete", &["true"]);
        twice.actions.push(twice.actions[0].clone());
        assert!(twice.fault().unwrap().contains("twice"));
        let mut ranged = rule("delete", &["true"]);
        for (values, good) in
            [(["", "10"], true), (["", ""], false), (["a", "1"], false), (["1", "-1"], false)]
        {
            let values = values.map(str::to_owned).into();
            ranged.conditions = vec![Clause { name: "within_size_range".to_owned(), values }];
            assert_eq!(ranged.fault().is_none(), good);
        }
    }
}
