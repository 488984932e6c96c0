//! Face 1, continued: rules, automatic replies, the directory, junk and taking attachments off.

use exchange::port::{AutomaticReplies, Detach, Directory, Junk, PerItem, Rules, Work};
use exchange::rule::RuleChange;
use exchange::{DirectoryEntry, Error, ErrorKind, ItemRef, Junked, Mailbox, OutOfOffice, Resolved};

use crate::model::settings::RuleRefusal;
use crate::model::state::State;
use crate::ports::{Direct, each, locate, reference, refused};

impl Rules for Direct {
    fn rules<'a>(&'a self, mailbox: &'a Mailbox) -> Work<'a, exchange::rule::Rules> {
        self.now(move |state| {
            let settings = &state.mailbox(mailbox.as_str()).map_err(refused)?.settings;
            Ok(exchange::rule::Rules { rules: settings.rules.clone(), client_rules: settings.client_rules })
        })
    }

    fn change_rules<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        change: &'a RuleChange,
        lose_client_rules: bool,
    ) -> Work<'a, ()> {
        self.now(move |state| {
            if let RuleChange::Set(rule) = change
                && !rule.complete
            {
                return Err(Error::new(ErrorKind::Invalid, "a rule that is not known whole is not written"));
            }
            state.change_rules(mailbox.as_str(), change, lose_client_rules).map_err(|refusal| match refusal {
                RuleRefusal::Store(error) => refused(error),
                RuleRefusal::Rule("RuleNotFound", _, text) => {
                    Error::new(ErrorKind::NotFound, text).with_code("ErrorInboxRulesValidationError")
                }
                RuleRefusal::Rule(_, _, text) => {
                    Error::new(ErrorKind::Invalid, text).with_code("ErrorInboxRulesValidationError")
                }
            })
        })
    }
}

impl AutomaticReplies for Direct {
    fn out_of_office<'a>(&'a self, mailbox: &'a Mailbox) -> Work<'a, OutOfOffice> {
        self.now(move |state| {
            Ok(state.mailbox(mailbox.as_str()).map_err(refused)?.settings.out_of_office.clone())
        })
    }

    fn set_out_of_office<'a>(&'a self, mailbox: &'a Mailbox, settings: &'a OutOfOffice) -> Work<'a, ()> {
        self.now(move |state| state.set_out_of_office(mailbox.as_str(), settings.clone()).map_err(refused))
    }
}

impl Directory for Direct {
    fn resolve<'a>(&'a self, mailbox: &'a Mailbox, name: &'a str) -> Work<'a, Resolved> {
        self.now(move |state| {
            state.mailbox(mailbox.as_str()).map_err(refused)?;
            if name.trim().is_empty() {
                return Err(Error::new(ErrorKind::Invalid, "a blank name is nobody's"));
            }
            Ok(resolved(state, name))
        })
    }
}

fn resolved(state: &State, name: &str) -> Resolved {
    let (found, truncated) = state.resolve(name);
    let entry = |found: crate::model::settings::Found| DirectoryEntry {
        name: found.name,
        address: found.address,
        routing_type: "SMTP".to_owned(),
        kind: found.kind.to_owned(),
    };
    Resolved { entries: found.into_iter().map(entry).collect(), truncated }
}

impl Junk for Direct {
    fn mark_junk<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        junk: bool,
        moves: bool,
    ) -> Work<'a, PerItem<Junked>> {
        self.now(move |state| {
            Ok(each(items, |item| {
                let place = locate(state, mailbox, item)?;
                let moved = state.mark_junk(&place, junk, moves)?;
                Ok(Junked { moved: if moved { Some(reference(state, &place)?) } else { None } })
            }))
        })
    }
}

impl Detach for Direct {
    fn detach<'a>(&'a self, mailbox: &'a Mailbox, attachments: &'a [String]) -> Work<'a, PerItem<()>> {
        self.now(move |state| {
            state.mailbox(mailbox.as_str()).map_err(refused)?;
            let results = state.detach(Some(mailbox.as_str()), attachments);
            Ok(results.into_iter().map(|result| result.map(drop).map_err(refused)).collect())
        })
    }
}
