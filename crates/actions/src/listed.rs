//! The two ways to say what a call is about: one mailbox with its items, or a list of items of several mailboxes.
//!
//! Exactly one of the two is given; the schema says so with `oneOf`, in words that are only about which fields are
//! there, so that a checker sees one plain object. One entry of a list is one thing that is changed, and no entry
//! holds a list of its own: what limits count is the length of the list, and nothing hides in it.

use action_api::plan::Failure;
use exchange::Mailbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::invalid;
use crate::input::{ItemId, MailboxName};

/// One message of one of several mailboxes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    /// The mailbox the message is in.
    pub(crate) mailbox: MailboxName,
    /// Which message: an id as `mail.search` gives it.
    pub(crate) item_id: ItemId,
}

/// What a step does where some of what it was asked for failed, after everything else was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnItemError {
    /// It fails, and its failure says what was done and how to take that back.
    #[default]
    Fail,
    /// It succeeds, and counts in `failed` what did not.
    Collect,
}

/// The schema of "either these fields or those": `oneOf` over which fields are there. What is only of use with one of
/// the two (`with_first`; `on_item_error` with the second) is refused with the other.
pub(crate) fn either(first: &[&str], with_first: &[&str], second: &[&str]) -> Value {
    let there =
        |names: Vec<&str>| -> Vec<Value> { names.iter().map(|name| json!({ "required": [name] })).collect() };
    json!([
        { "required": first, "not": { "anyOf": there([second, &["on_item_error"]].concat()) } },
        { "required": second, "not": { "anyOf": there([first, with_first].concat()) } }
    ])
}

/// What a call is about.
#[derive(Debug)]
pub(crate) struct About<T> {
    /// Every item with its mailbox, in the order asked for.
    pub(crate) items: Vec<(Mailbox, T)>,
    /// The mailbox, where the call names one.
    pub(crate) one: Option<Mailbox>,
}

impl<T> About<T> {
    /// From the fields of an input, of which the schema lets exactly one form through.
    pub(crate) fn either<L>(
        mailbox: Option<MailboxName>,
        of_one: Option<Vec<T>>,
        list: Option<Vec<L>>,
        split: impl Fn(L) -> (MailboxName, T),
    ) -> Result<Self, Failure> {
        match (mailbox, of_one, list) {
            (Some(mailbox), Some(items), None) => {
                let mailbox = mailbox.get().clone();
                let items = items.into_iter().map(|item| (mailbox.clone(), item)).collect();
                Ok(About { items, one: Some(mailbox) })
            }
            (None, None, Some(list)) => {
                let split = |one| {
                    let (mailbox, item) = split(one);
                    (mailbox.get().clone(), item)
                };
                Ok(About { items: list.into_iter().map(split).collect(), one: None })
            }
            _ => {
                Err(invalid("give either `mailbox` with what is meant in it, or a list of several mailboxes"))
            }
        }
    }
}
