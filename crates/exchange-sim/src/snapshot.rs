//! All mailboxes as canonical JSON, so that "nothing changed" is one comparison of bytes.

use std::collections::BTreeSet;

use exchange::rule::{Clause, Rule};
use exchange::{FollowUp, OutOfOffice};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::compose::hex;
use crate::model::detail::Detail;
use crate::model::extended::Extended;
use crate::model::state::State;

#[derive(Serialize)]
struct MailboxView<'a> {
    address: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_of_office: Option<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    blocked_senders: &'a BTreeSet<String>,
    folders: Vec<FolderView<'a>>,
}

#[derive(Serialize)]
struct RuleView<'a> {
    id: &'a str,
    name: &'a str,
    priority: i32,
    enabled: bool,
    conditions: &'a [Clause],
    exceptions: &'a [Clause],
    actions: &'a [Clause],
}

#[derive(Serialize)]
struct FolderView<'a> {
    path: String,
    id: &'a str,
    items: Vec<ItemView<'a>>,
}

#[derive(Serialize)]
struct ItemView<'a> {
    id: &'a str,
    change_key: String,
    message_id: Option<&'a str>,
    subject: Option<&'a str>,
    from: Option<&'a str>,
    received: String,
    size: usize,
    sha256: String,
    is_read: bool,
    is_draft: bool,
    categories: &'a [String],
    #[serde(skip_serializing_if = "is_default")]
    flag: FollowUp,
    importance: &'a str,
    extended: &'a [Extended],
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a Detail>,
}

fn is_default(flag: &FollowUp) -> bool {
    *flag == FollowUp::default()
}

/// The JSON text. Mailboxes by address, folders by path, items newest first and then by id.
pub(crate) fn snapshot(state: &State) -> String {
    let mailboxes: Vec<MailboxView<'_>> = state.mailboxes.values().map(mailbox).collect();
    // Plain data with string keys: it cannot fail.
    serde_json::to_string_pretty(&mailboxes).unwrap_or_default()
}

fn mailbox(mailbox: &crate::model::mailbox::Mailbox) -> MailboxView<'_> {
    let mut folders: Vec<FolderView<'_>> = mailbox
        .folders
        .iter()
        .enumerate()
        .filter(|(key, folder)| !folder.gone && !mailbox.is_all_items(*key))
        .map(|(key, folder)| {
            let items = mailbox.keys(key).into_iter().filter_map(|key| mailbox.items.get(&key));
            let mut items: Vec<ItemView<'_>> = items.map(item).collect();
            items.sort_by(|a, b| b.received.cmp(&a.received).then_with(|| a.id.cmp(b.id)));
            FolderView { path: mailbox.path(key), id: &folder.id, items }
        })
        .collect();
    folders.sort_by(|a, b| a.path.cmp(&b.path));
    let settings = &mailbox.settings;
    let replies = &settings.out_of_office;
    MailboxView {
        address: &mailbox.address,
        rules: settings.rules.iter().map(rule_view).collect(),
        out_of_office: (*replies != OutOfOffice::default()).then(|| format!("{replies:?}")),
        blocked_senders: &settings.blocked,
        folders,
    }
}

fn rule_view(rule: &Rule) -> RuleView<'_> {
    RuleView {
        id: &rule.id,
        name: &rule.name,
        priority: rule.priority,
        enabled: rule.enabled,
        conditions: &rule.conditions,
        exceptions: &rule.exceptions,
        actions: &rule.actions,
    }
}

fn item(item: &crate::model::item::Item) -> ItemView<'_> {
    ItemView {
        id: &item.id,
        change_key: item.change_key(),
        message_id: item.mail.message_id.as_deref(),
        subject: item.mail.subject.as_deref(),
        from: item.mail.from.as_ref().map(|person| person.address.as_str()),
        received: item.received.to_string(),
        size: item.raw.len(),
        sha256: hex(&Sha256::digest(&item.raw), 32),
        is_read: item.is_read,
        is_draft: item.is_draft,
        categories: &item.categories,
        flag: item.flag,
        importance: &item.importance,
        extended: &item.extended,
        detail: item.detail.as_deref(),
    }
}
