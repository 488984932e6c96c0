//! What the actions on inbox rules have in common: how a rule is shown, found and changed.
//!
//! A rule is shown twice: as flags a playbook can decide by (whom it forwards to, whether it deletes), and whole, so
//! that it can be put back. Whoever controls the mailbox wrote it, an intruder too.

use std::collections::BTreeMap;

use action_api::Inverse;
use action_api::plan::{Blame, Failure, FailureKind};
use exchange::port::{Folders, Rules};
use exchange::rule::{Clause, Rule, RuleChange};
use exchange::{ErrorKind, Folder, FolderRef, Mailbox, WellKnownFolder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{from_exchange, with_inverse};
use crate::input::{MailboxName, RuleId};
use crate::verdict::{Things, Verdict};

/// How actions that change rules may fail.
pub(crate) const ERRORS: &[FailureKind] = &[
    FailureKind::Transient,
    FailureKind::Throttled,
    FailureKind::NotFound,
    FailureKind::PermissionDenied,
    FailureKind::Invalid,
    FailureKind::Conflict,
    FailureKind::Unknown,
];

/// One inbox rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    /// The mailbox it is in.
    #[serde(default)]
    mailbox: String,
    /// The server's id.
    rule_id: String,
    /// Its name. Whoever controls the mailbox chose it; intruders like names of one character.
    #[schemars(extend("x-untrusted" = true))]
    name: String,
    /// Whether it runs.
    enabled: bool,
    /// Rules run in this order, the lowest first.
    priority: i32,
    /// Whether the server says that it does not work.
    in_error: bool,
    /// Whether it can be switched and put back as it is. A rule that EWS does not show whole can be removed only.
    complete: bool,
    /// Whom it forwards mail to, as it is or as an attachment.
    #[schemars(length(max = 10000), extend("x-untrusted" = true))]
    forwards_to: Vec<String>,
    /// Whom it sends mail on to as if the sender had done so.
    #[schemars(length(max = 10000), extend("x-untrusted" = true))]
    redirects_to: Vec<String>,
    /// Those of both lists whose domain is not that of the mailbox.
    #[schemars(length(max = 10000), extend("x-untrusted" = true))]
    outside_recipients: Vec<String>,
    /// Whether mail leaves the mailbox's domain by it: `outside_recipients` is not empty.
    #[serde(default)]
    forwards_externally: bool,
    /// Whether it deletes mail, to the trash or for good.
    deletes: bool,
    /// The folder it moves mail to: `id:` and the server's id, or a well-known name; null if it does not.
    moves_to: Option<String>,
    /// Whether that is a folder that nobody looks into: one that mail clients hide, one for RSS feeds, for old chats,
    /// for what was deleted or is junk, or for failures of synchronising. Null if the folder cannot be looked at.
    #[serde(default)]
    moves_to_hidden_folder: Option<bool>,
    /// Whether it marks mail as read, so that nobody notices it.
    marks_read: bool,
    /// Whether no rule after it runs.
    stops: bool,
    /// Its conditions: all must hold; without any it is about every message.
    #[schemars(length(max = 100))]
    conditions: Vec<Clause>,
    /// Its exceptions: none may hold.
    #[schemars(length(max = 100))]
    exceptions: Vec<Clause>,
    /// What it does, in full.
    #[schemars(length(max = 100))]
    actions: Vec<Clause>,
}

impl Shown {
    pub(crate) fn new(mailbox: &Mailbox, rule: Rule) -> Self {
        let list = |names: &[&str]| -> Vec<String> {
            names.iter().flat_map(|name| rule.action(name)).map(str::to_owned).collect()
        };
        let forwards_to = list(&["forward_to_recipients", "forward_as_attachment_to_recipients"]);
        let redirects_to = list(&["redirect_to_recipients"]);
        let moves_to = list(&["move_to_folder"]).into_iter().next();
        let own = domain(mailbox.as_str());
        let outside: Vec<String> = forwards_to
            .iter()
            .chain(&redirects_to)
            .filter(|address| is_outside(address, &own))
            .cloned()
            .collect();
        Shown {
            forwards_externally: !outside.is_empty(),
            outside_recipients: outside,
            moves_to_hidden_folder: moves_to.is_none().then_some(false),
            deletes: rule.does("delete") || rule.does("permanent_delete"),
            moves_to,
            marks_read: rule.does("mark_as_read"),
            stops: rule.does("stop_processing_rules"),
            forwards_to,
            redirects_to,
            mailbox: mailbox.as_str().to_owned(),
            rule_id: rule.id,
            name: rule.name,
            enabled: rule.enabled,
            priority: rule.priority,
            in_error: rule.in_error,
            complete: rule.complete,
            conditions: rule.conditions,
            exceptions: rule.exceptions,
            actions: rule.actions,
        }
    }
}

/// Well-known folders that nobody looks into.
const UNSEEN: [&str; 11] = [
    "conflicts",
    "conversationhistory",
    "deleteditems",
    "junkemail",
    "localfailures",
    "recoverableitemsdeletions",
    "recoverableitemspurges",
    "recoverableitemsroot",
    "recoverableitemsversions",
    "serverfailures",
    "syncissues",
];

/// Whether nobody looks into a folder. That for RSS feeds has no well-known name; its own has these letters in it in
/// every language.
fn is_unseen(folder: &Folder) -> bool {
    let feeds =
        folder.name.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case("rss"));
    folder.hidden || feeds || folder.well_known.as_deref().is_some_and(|name| UNSEEN.contains(&name))
}

/// Finds out of rules that move mail whether anybody would see it there. One request a folder.
pub(crate) async fn look_at_folders(
    port: &dyn Folders,
    mailbox: &Mailbox,
    rules: &mut [Shown],
) -> Result<(), Failure> {
    let mut known: BTreeMap<String, Option<bool>> = BTreeMap::new();
    for rule in rules {
        let Some(target) = &rule.moves_to else { continue };
        if let Some(unseen) = known.get(target) {
            rule.moves_to_hidden_folder = *unseen;
            continue;
        }
        let folder = match target.strip_prefix("id:") {
            Some(id) => Some(FolderRef::Id(id.to_owned())),
            None => target.parse::<WellKnownFolder>().ok().map(FolderRef::WellKnown),
        };
        let Some(folder) = folder else { continue };
        let unseen = match port.folder(mailbox, &folder).await {
            Ok(folder) => Some(is_unseen(&folder)),
            // Rules outlive the folders they move mail to.
            Err(error)
                if matches!(
                    error.kind,
                    ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::Invalid
                ) =>
            {
                None
            }
            Err(error) => return Err(from_exchange(error)),
        };
        known.insert(target.clone(), unseen);
        rule.moves_to_hidden_folder = unseen;
    }
    Ok(())
}

/// A rule as it can be made: everything but what the server decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// Its name.
    #[schemars(length(min = 1, max = 512), extend("x-untrusted" = true))]
    pub(crate) name: String,
    /// Rules run in this order, the lowest first.
    pub(crate) priority: i32,
    /// Whether it runs.
    pub(crate) enabled: bool,
    /// Its conditions: all must hold; without any it is about every message.
    #[schemars(length(max = 100))]
    pub(crate) conditions: Vec<Clause>,
    /// Its exceptions: none may hold.
    #[schemars(length(max = 100))]
    pub(crate) exceptions: Vec<Clause>,
    /// What it does.
    #[schemars(length(max = 100))]
    pub(crate) actions: Vec<Clause>,
}

impl Definition {
    pub(crate) fn of(rule: Rule) -> Self {
        Definition {
            name: rule.name,
            priority: rule.priority,
            enabled: rule.enabled,
            conditions: rule.conditions,
            exceptions: rule.exceptions,
            actions: rule.actions,
        }
    }

    /// The rule to be made.
    pub(crate) fn rule(self) -> Rule {
        Rule {
            id: String::new(),
            name: self.name,
            priority: self.priority,
            enabled: self.enabled,
            in_error: false,
            complete: true,
            conditions: self.conditions,
            exceptions: self.exceptions,
            actions: self.actions,
        }
    }

    /// Whether a rule does the same under the same name, wherever it stands.
    pub(crate) fn is_same(&self, rule: &Rule) -> bool {
        self.name == rule.name
            && self.enabled == rule.enabled
            && self.conditions == rule.conditions
            && self.exceptions == rule.exceptions
            && self.actions == rule.actions
    }
}

fn domain(address: &str) -> String {
    address.rsplit_once('@').map(|(_, domain)| domain.trim().to_ascii_lowercase()).unwrap_or_default()
}

/// Whether mail to this address leaves the domain. An address that is not of the internet is one of the directory.
fn is_outside(address: &str, own: &str) -> bool {
    let of_directory = address.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("EX:"));
    let other = domain(address);
    !of_directory && other != own
}

/// What these calls are about.
pub(crate) const RULES: Things = Things { many: "rules", id: "rule_id" };

/// One rule of one of several mailboxes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListedRule {
    /// The mailbox the rule is in.
    pub(crate) mailbox: MailboxName,
    /// Which rule: an id as `inbox_rule.list` gives it.
    pub(crate) rule_id: RuleId,
}

/// Changes the rules of one mailbox, one after the other. Once the mailbox itself refuses, the rest is not tried.
pub(crate) struct Changes<'a> {
    port: &'a dyn Rules,
    mailbox: &'a Mailbox,
    lose_client_rules: bool,
    refused: Option<exchange::Error>,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(port: &'a dyn Rules, mailbox: &'a Mailbox, lose_client_rules: bool) -> Self {
        Changes { port, mailbox, lose_client_rules, refused: None }
    }

    /// Makes one change, unless one before it was refused for a reason that is none of the rule's.
    pub(crate) async fn make(&mut self, change: &RuleChange) -> Result<(), exchange::Error> {
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        let answer = self.port.change_rules(self.mailbox, change, self.lose_client_rules).await;
        let whole = [ErrorKind::Throttled, ErrorKind::Transient, ErrorKind::PermissionDenied];
        self.refused = answer.as_ref().err().filter(|error| whole.contains(&error.kind)).cloned();
        answer
    }
}

/// The failure of a change. Where nobody knows whether it took place it holds the call that takes it back: what a rule
/// was is known, and taking back what was not done does no harm.
pub(crate) fn unsure(error: exchange::Error, action: &str, back: impl FnOnce() -> Value) -> Failure {
    let unknown = error.kind == ErrorKind::Unknown;
    let code = error.code.clone();
    let failure = from_exchange(error);
    if !unknown {
        return failure;
    }
    with_inverse(failure.with_details(json!({ "code": code })), Some(Inverse::new(action, back())))
}

/// What takes a call back, with those changes of which nobody knows whether they took place.
pub(crate) fn and_unsure<T>(
    inverse: Option<Inverse>,
    action: &str,
    verdicts: &[Verdict<T>],
) -> Option<Inverse> {
    let failures = verdicts.iter().filter_map(|verdict| verdict.outcome.as_ref().err());
    let unsure: Vec<Value> =
        failures.filter_map(|failure| failure.details.pointer("/inverse/input").cloned()).collect();
    if unsure.is_empty() {
        return inverse;
    }
    let mut inverse = inverse.unwrap_or_else(|| Inverse::new(action, json!({ "items": [] })));
    if let Some(items) = inverse.input.get_mut("items").and_then(Value::as_array_mut) {
        items.extend(unsure);
    }
    Some(inverse)
}

/// The rule with this id.
pub(crate) async fn find(port: &dyn Rules, mailbox: &Mailbox, id: &str) -> Result<Option<Rule>, Failure> {
    let all = port.rules(mailbox).await.map_err(from_exchange)?;
    Ok(all.rules.into_iter().find(|rule| rule.id == id))
}

/// There is no such rule.
pub(crate) fn absent(mailbox: &Mailbox) -> Failure {
    Failure::new(
        FailureKind::NotFound,
        Blame::Server,
        format!("{mailbox} has no rule with this id; it was removed since it was found"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_is_another_domain() {
        for (address, outside) in [
            ("bob@corp.example", false),
            ("bob@CORP.example", false),
            ("EX:/o=Corp/cn=bob", false),
            ("eve@evil.test", true),
            ("eve@notcorp.example", true),
            ("eve@sub.corp.example", true),
            ("no address at all", true),
        ] {
            assert_eq!(is_outside(address, "corp.example"), outside, "{address}");
        }
    }
}
