//! What a mailbox has beside mail: a name in the directory, rules, automatic replies, blocked senders.
//!
//! Rules and replies are kept and shown; nothing here carries them out.

use std::collections::BTreeSet;

use exchange::rule::{Rule, RuleChange};
use exchange::{OofState, OutOfOffice};

use super::id;
use super::mailbox::Mailbox;
use super::people::{Group, Profile};
use super::state::{Place, State};
use super::store_error::{StoreError, Stored};
use crate::ledger::EffectKind;

/// How many rules a mailbox may have.
const MOST_RULES: usize = 500;
/// How many names a server gives at most.
const MOST_FOUND: usize = 100;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Name in the directory.
    pub(crate) name: Option<String>,
    /// What else the directory knows.
    pub(crate) profile: Profile,
    /// In the order they run in.
    pub(crate) rules: Vec<Rule>,
    /// Whether Outlook keeps rules of its own there.
    pub(crate) client_rules: bool,
    pub(crate) out_of_office: OutOfOffice,
    /// Addresses in lower case.
    pub(crate) blocked: BTreeSet<String>,
    made: u32,
}

/// Why a change of rules was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RuleRefusal {
    /// As a whole.
    Store(StoreError),
    /// One of EWS's codes for a rule that is not right, the field it is about, and words.
    Rule(&'static str, &'static str, String),
}

impl From<StoreError> for RuleRefusal {
    fn from(error: StoreError) -> Self {
        RuleRefusal::Store(error)
    }
}

/// Somebody in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) address: String,
    /// `Mailbox`, `PublicDL` or `OneOff`.
    pub(crate) kind: &'static str,
}

impl Found {
    pub(crate) fn of(mailbox: &Mailbox) -> Self {
        let name = mailbox.settings.name.clone().unwrap_or_else(|| mailbox.address.clone());
        Found { name, address: mailbox.address.clone(), kind: "Mailbox" }
    }

    pub(crate) fn of_group(group: &Group) -> Self {
        let name = if group.name.is_empty() { &group.address } else { &group.name };
        Found { name: name.clone(), address: group.address.clone(), kind: "PublicDL" }
    }
}

impl Settings {
    /// Adds a rule with an id of its own.
    pub(crate) fn add_rule(&mut self, mailbox: &str, rule: Rule) -> String {
        self.made += 1;
        let id = id::rule(&mailbox.to_lowercase(), self.made);
        self.rules.push(Rule { id: id.clone(), ..rule });
        self.rules.sort_by_key(|rule| rule.priority);
        id
    }

    fn change(&mut self, mailbox: &str, change: &RuleChange, lose: bool) -> Result<String, RuleRefusal> {
        if self.client_rules && !lose {
            let text = "There are Outlook rules in the mailbox that are not known to Exchange.";
            return Err(StoreError::new("ErrorOutlookRuleBlobExists", text).into());
        }
        let absent = || RuleRefusal::Rule("RuleNotFound", "RuleId", "The rule was not found.".to_owned());
        let id = match change {
            RuleChange::Create(rule) => {
                if !rule.id.is_empty() {
                    let text = "A rule that is created has no id.".to_owned();
                    return Err(RuleRefusal::Rule("CreateWithRuleId", "RuleId", text));
                }
                check(rule)?;
                if self.rules.len() >= MOST_RULES {
                    return Err(StoreError::new("ErrorRulesOverQuota", "There are too many rules.").into());
                }
                self.add_rule(mailbox, rule.clone())
            }
            RuleChange::Set(rule) => {
                check(rule)?;
                let old = self.rules.iter_mut().find(|old| old.id == rule.id).ok_or_else(absent)?;
                *old = rule.clone();
                self.rules.sort_by_key(|rule| rule.priority);
                rule.id.clone()
            }
            RuleChange::Remove(id) => {
                let place = self.rules.iter().position(|rule| rule.id == *id).ok_or_else(absent)?;
                self.rules.remove(place);
                id.clone()
            }
        };
        self.client_rules = false;
        Ok(id)
    }
}

fn check(rule: &Rule) -> Result<(), RuleRefusal> {
    if rule.actions.is_empty() {
        let text = "The rule has no action.".to_owned();
        return Err(RuleRefusal::Rule("MissingAction", "Actions", text));
    }
    match rule.fault() {
        Some(fault) => Err(RuleRefusal::Rule("InvalidValue", "Actions", fault)),
        None => Ok(()),
    }
}

impl State {
    /// Changes the rules of a mailbox.
    pub(crate) fn change_rules(
        &mut self,
        mailbox: &str,
        change: &RuleChange,
        lose: bool,
    ) -> Result<(), RuleRefusal> {
        let what = match change {
            RuleChange::Create(_) => "rule created",
            RuleChange::Set(_) => "rule set",
            RuleChange::Remove(_) => "rule removed",
        };
        let id = self.open_mut(mailbox)?.settings.change(mailbox, change, lose)?;
        self.record_setting(mailbox, &id, what);
        Ok(())
    }

    /// Sets the automatic replies of a mailbox.
    pub(crate) fn set_out_of_office(&mut self, mailbox: &str, settings: OutOfOffice) -> Stored<()> {
        let wrong = match settings.duration {
            Some((start, end)) => start >= end,
            None => settings.state == OofState::Scheduled,
        };
        if wrong {
            let text = "The start time must be earlier than the end time.";
            return Err(StoreError::new("ErrorInvalidUserOofSettings", text));
        }
        self.open_mut(mailbox)?.settings.out_of_office = settings;
        self.record_setting(mailbox, "", "out of office");
        Ok(())
    }

    /// Who is called so, and whether there are more: the beginning of an address, of an alias, of a name, or of a word
    /// in it.
    pub(crate) fn resolve(&self, wanted: &str) -> (Vec<Found>, bool) {
        let wanted = wanted.trim().to_lowercase();
        let wanted = wanted.strip_prefix("smtp:").unwrap_or(&wanted);
        let mut found = if wanted.is_empty() { Vec::new() } else { self.people(wanted) };
        let more = found.len() > MOST_FOUND;
        found.truncate(MOST_FOUND);
        (found, more)
    }

    /// Everybody who is called so, mailboxes before groups; everybody at all without words.
    pub(crate) fn people(&self, words: &str) -> Vec<Found> {
        let wanted = words.trim().to_lowercase();
        let fits = |text: &str| text.to_lowercase().starts_with(&wanted);
        let named = |address: &str, name: &str, alias: &str| {
            fits(address)
                || fits(name)
                || name.split_whitespace().any(fits)
                || !alias.is_empty() && fits(alias)
        };
        let mailboxes = self.mailboxes.values().filter(|mailbox| {
            let name = mailbox.settings.name.as_deref().unwrap_or_default();
            named(&mailbox.address, name, &mailbox.settings.profile.alias)
        });
        let groups = self.directory.groups.iter().filter(|group| named(&group.address, &group.name, ""));
        mailboxes.map(Found::of).chain(groups.map(Found::of_group)).collect()
    }

    /// Blocks or unblocks the sender of an item, and moves it if that is wanted; says whether it was moved.
    pub(crate) fn mark_junk(&mut self, place: &Place, junk: bool, moves: bool) -> Stored<bool> {
        let sender = self.item(place)?.mail.from.as_ref().map(|from| from.address.to_lowercase());
        let mailbox = self.open_mut(&place.mailbox)?;
        if let Some(sender) = sender {
            if junk {
                mailbox.settings.blocked.insert(sender);
            } else {
                mailbox.settings.blocked.remove(&sender);
            }
        }
        let target = mailbox.well_known(if junk { "junkemail" } else { "inbox" });
        self.record(place, EffectKind::Updated, |effect| {
            effect.mode = Some(if junk { "junk" } else { "not junk" }.to_owned());
        });
        let folder = target.ok_or_else(StoreError::folder_not_found)?;
        let go = moves && self.item(place)?.folder != folder;
        if go {
            self.move_item(place, folder)?;
        }
        Ok(go)
    }
}
