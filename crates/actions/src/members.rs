//! The members of groups, and of the groups inside them: who they are, and how deep.
//!
//! Groups hold each other and themselves in real organisations, so each is asked about once. Left out: personal lists
//! of a mailbox.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use action_api::plan::Failure;
use exchange::port::Groups;
use exchange::{DirectoryEntry, ErrorKind, Mailbox};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::from_exchange;

/// How many groups are asked about: each costs a request.
const MOST_GROUPS: usize = 500;

/// The word of the directory for a group.
const GROUP: &str = "PublicDL";

/// The word of the directory for a mailbox.
pub(crate) const MAILBOX: &str = "Mailbox";

/// Who is in a group; at most `limit` of them are kept.
pub(crate) async fn expand(
    port: &dyn Groups,
    mailbox: &Mailbox,
    group: &str,
    recursive: bool,
    limit: usize,
) -> Result<Members, Failure> {
    let output = Members {
        group: group.to_owned(),
        members: Vec::new(),
        groups: Vec::new(),
        cycles: Vec::new(),
        truncated: false,
    };
    let mut search = Search { port, mailbox, limit, seen: BTreeSet::new(), inside: BTreeMap::new(), output };
    search.run(recursive).await?;
    Ok(search.output)
}

/// The members of a group.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Members {
    /// The address of the group.
    group: String,
    /// Who is in it, each once, those of the group itself first.
    #[schemars(length(max = 10000))]
    pub(crate) members: Vec<Member>,
    /// With `recursive`: the groups inside, each once.
    #[schemars(length(max = 10000))]
    groups: Vec<Inner>,
    /// With `recursive`: addresses of groups that hold themselves, directly or by way of others.
    #[schemars(length(max = 10000))]
    cycles: Vec<String>,
    /// Whether there are more than these: the server or `limit` left some out, or there are more than 500 groups.
    pub(crate) truncated: bool,
}

/// Somebody, or something, in a group.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    /// Display name, as the directory has it.
    pub(crate) display_name: String,
    /// Address.
    pub(crate) address: String,
    /// What it is: `Mailbox`, `PublicDL` (a group), `Contact`, `PublicFolder`, `GroupMailbox`, `OneOff` (an address the
    /// directory does not know), `Unknown`.
    pub(crate) kind: String,
    /// How deep inside: 1 is directly in the group.
    depth: u32,
}

/// A group in a group.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inner {
    /// Display name, as the directory has it.
    display_name: String,
    /// Address.
    address: String,
    /// How deep inside: 1 is directly in the group.
    depth: u32,
    /// Whether its members are known; false where the server hides them, or has no such group.
    expanded: bool,
}

impl Members {
    /// The groups inside whose members are not known.
    pub(crate) fn hidden_groups(&self) -> Vec<String> {
        self.groups.iter().filter(|group| !group.expanded).map(|group| group.address.clone()).collect()
    }
}

/// What was found so far.
struct Search<'a> {
    port: &'a dyn Groups,
    mailbox: &'a Mailbox,
    limit: usize,
    /// Everybody that was come across, in lower case.
    seen: BTreeSet<String>,
    /// The groups in each group, in lower case.
    inside: BTreeMap<String, Vec<String>>,
    output: Members,
}

impl Search<'_> {
    /// Looks into the group and, if `recursive`, into those inside it, level by level.
    async fn run(&mut self, recursive: bool) -> Result<(), Failure> {
        let mut open = VecDeque::from([(self.output.group.clone(), 0_u32, None)]);
        self.seen.insert(self.output.group.to_lowercase());
        let mut asked = 0;
        while let Some((group, depth, place)) = open.pop_front() {
            if asked >= MOST_GROUPS {
                self.output.truncated = true;
                break;
            }
            asked += 1;
            let found = match self.port.members(self.mailbox, &group).await {
                Ok(found) => found,
                Err(error) if place.is_some() && error.kind == ErrorKind::NotFound => continue,
                Err(error) => return Err(from_exchange(error)),
            };
            if let Some(inner) = place.and_then(|place: usize| self.output.groups.get_mut(place)) {
                inner.expanded = true;
            }
            self.output.truncated |= found.truncated;
            for member in found.members {
                if recursive && member.kind == GROUP {
                    let edges = self.inside.entry(group.to_lowercase()).or_default();
                    edges.push(member.address.to_lowercase());
                    if let Some(place) = self.group(&member, depth + 1) {
                        open.push_back((member.address, depth + 1, Some(place)));
                    }
                } else {
                    self.member(member, depth + 1);
                }
            }
        }
        self.output.cycles = self.cycles();
        Ok(())
    }

    fn is_new(&mut self, entry: &DirectoryEntry) -> bool {
        let name = if entry.address.is_empty() { &entry.name } else { &entry.address };
        self.seen.insert(name.to_lowercase())
    }

    fn group(&mut self, entry: &DirectoryEntry, depth: u32) -> Option<usize> {
        if !self.is_new(entry) {
            return None;
        }
        self.output.groups.push(Inner {
            display_name: entry.name.clone(),
            address: entry.address.clone(),
            depth,
            expanded: false,
        });
        Some(self.output.groups.len() - 1)
    }

    fn member(&mut self, entry: DirectoryEntry, depth: u32) {
        if !self.is_new(&entry) {
            return;
        }
        if self.output.members.len() >= self.limit {
            self.output.truncated = true;
            return;
        }
        self.output.members.push(Member {
            display_name: entry.name,
            address: entry.address,
            kind: entry.kind,
            depth,
        });
    }

    /// The groups from which one comes back to them.
    fn cycles(&self) -> Vec<String> {
        let all =
            std::iter::once(&self.output.group).chain(self.output.groups.iter().map(|group| &group.address));
        all.filter(|group| self.holds_itself(&group.to_lowercase())).cloned().collect()
    }

    fn holds_itself(&self, group: &str) -> bool {
        let below = |group: &str| self.inside.get(group).into_iter().flatten();
        let mut open: Vec<&String> = below(group).collect();
        let mut seen = BTreeSet::new();
        while let Some(next) = open.pop() {
            if next == group {
                return true;
            }
            if seen.insert(next) {
                open.extend(below(next));
            }
        }
        false
    }
}
