//! [`Rules`] over GetInboxRules and UpdateInboxRules.

use exchange::port::{Rules, Work};
use exchange::rule::RuleChange;
use exchange::{Error, ErrorKind, Mailbox};

use crate::client::EwsClient;
use crate::op::get_inbox_rules::GetInboxRules;
use crate::op::update_inbox_rules::UpdateInboxRules;

impl Rules for EwsClient {
    fn rules<'a>(&'a self, mailbox: &'a Mailbox) -> Work<'a, exchange::rule::Rules> {
        Box::pin(self.call(mailbox, GetInboxRules { mailbox }))
    }

    fn change_rules<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        change: &'a RuleChange,
        lose_client_rules: bool,
    ) -> Work<'a, ()> {
        Box::pin(async move {
            check(change)?;
            self.call(mailbox, UpdateInboxRules { mailbox, change, lose_client_rules }).await
        })
    }
}

/// Refuses what would lose a part of a rule, or name none.
fn check(change: &RuleChange) -> Result<(), Error> {
    let invalid = |why: String| Err(Error::new(ErrorKind::Invalid, format!("{why}; nothing was changed")));
    match change {
        RuleChange::Remove(id) if id.is_empty() => invalid("an empty id names no rule".to_owned()),
        RuleChange::Set(rule) if rule.id.is_empty() => invalid("an empty id names no rule".to_owned()),
        RuleChange::Create(rule) if !rule.id.is_empty() => invalid("a new rule has no id yet".to_owned()),
        RuleChange::Set(rule) if !rule.complete => invalid(format!(
            "the rule \"{}\" has parts that EWS does not show, and writing it would lose them; it can be removed",
            crate::code::shown(&rule.name, 60)
        )),
        RuleChange::Set(rule) | RuleChange::Create(rule) => match rule.fault() {
            Some(fault) => invalid(fault),
            None => Ok(()),
        },
        RuleChange::Remove(_) => Ok(()),
    }
}
