//! What the operator allows: plain data, given to an engine once and the same for every run.
//!
//! A playbook promises (`policy:` of its own narrows it); the operator allows. This is the operator's side, and
//! nothing in a playbook, an approval or an input widens it. What is not said here is allowed, but for one thing:
//! without any configuration a run deletes at most [`DELETES_PER_MAILBOX`] items of one mailbox and
//! [`DELETES_PER_RUN`] in all, because a wrong search is the commonest way to lose mail. `judge` holds a plan and a
//! call against the rules, `crate::admit` counts. Left out: who may start or approve what (roles are the
//! playbook's), and anything about time of day.

mod caps;
mod judge;
mod pattern;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use caps::{Cap, Caps, Scope};
pub use judge::Refusal;
pub(crate) use judge::{Counted, Touching};
pub use pattern::{ActionPattern, MailboxPattern, Named};

/// How many items of one mailbox a run deletes where nobody configured it.
pub const DELETES_PER_MAILBOX: u64 = 10;

/// How many items a run deletes in all where nobody configured it.
pub const DELETES_PER_RUN: u64 = 100;

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Actions: `mail.delete`, or `mail.*`.
    pub actions: Allowed<ActionPattern>,
    /// Connections, by the names playbooks use.
    pub connections: Allowed<Named>,
    /// Mailboxes that calls may name: `alice@corp.example`, or `@corp.example`. Reads as well as changes.
    pub mailboxes: Allowed<MailboxPattern>,
    /// Plugins, by what stands before the dot of their actions.
    pub plugins: Allowed<Named>,
    /// How much effects may change, by kind (`deletes`, `containment`, `notification`, `internal`, `effects`) or
    /// action (`mail.move`, `mail.*`). Every one that fits a call counts.
    pub caps: BTreeMap<Scope, Caps>,
    /// What one person may not set off alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub four_eyes: Option<FourEyes>,
}

/// Which names of a kind may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(bound(deserialize = "P: Deserialize<'de>"))]
pub struct Allowed<P> {
    /// Only these; all of them if it is left out, none if it is empty.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<P>>,
    /// Never these, whatever `allow` says.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub forbid: Vec<P>,
}

impl<P> Default for Allowed<P> {
    fn default() -> Self {
        Allowed { allow: None, forbid: Vec::new() }
    }
}

/// Effects that two people have to want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FourEyes {
    /// A containment that brings its run over so many items needs an approval of exactly that call by somebody who
    /// did not start the run. What was approved in advance does not count.
    pub above: u64,
}
