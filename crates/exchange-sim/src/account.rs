//! Who may log in, and what they may do with mailboxes that are not theirs.
//!
//! Written in YAML beside the mails, in `accounts.yaml`, or given by a test through [`crate::Organisation`]. Passwords
//! and secrets here open nothing but the simulator.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::model::people::Group;

/// The file's name.
pub(crate) const FILE: &str = "accounts.yaml";

/// Which mailboxes something reaches. In YAML `all`, `none`, or a list of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "WrittenReach")]
#[non_exhaustive]
pub enum Reach {
    /// None.
    #[default]
    Nobody,
    /// Every mailbox.
    Everybody,
    /// These, by their addresses in lower case.
    Only(BTreeSet<String>),
}

impl Reach {
    /// These mailboxes only.
    pub fn only<S: AsRef<str>>(addresses: impl IntoIterator<Item = S>) -> Self {
        Reach::Only(addresses.into_iter().map(|address| address.as_ref().to_lowercase()).collect())
    }

    pub(crate) fn covers(&self, address: &str) -> bool {
        match self {
            Reach::Nobody => false,
            Reach::Everybody => true,
            Reach::Only(addresses) => addresses.contains(&address.to_lowercase()),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`all`, `none` or a list of addresses")]
enum WrittenReach {
    Word(String),
    List(Vec<String>),
}

impl TryFrom<WrittenReach> for Reach {
    type Error = String;

    fn try_from(written: WrittenReach) -> Result<Self, String> {
        match written {
            WrittenReach::List(addresses) => Ok(Reach::only(addresses)),
            WrittenReach::Word(word) if word == "all" => Ok(Reach::Everybody),
            WrittenReach::Word(word) if word == "none" => Ok(Reach::Nobody),
            WrittenReach::Word(word) => {
                Err(format!("`{word}` is neither `all` nor `none`; single addresses are written as a list"))
            }
        }
    }
}

/// An account with a password. Its `Debug` form hides it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// What it logs in with. If it is the address of a mailbox, that is its own mailbox.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Other names it logs in with, e.g. `CORP\svc`.
    #[serde(default)]
    pub names: Vec<String>,
    /// Whom it may act as: the management role ApplicationImpersonation and its scope.
    #[serde(default)]
    pub impersonates: Reach,
    /// Which mailboxes it may open and send from as if they were its own.
    #[serde(default)]
    pub opens: Reach,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("user", &self.user)
            .field("names", &self.names)
            .field("impersonates", &self.impersonates)
            .field("opens", &self.opens)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// An account that reaches its own mailbox only.
    pub fn new(user: &str, password: &str) -> Self {
        Account {
            user: user.to_owned(),
            password: password.to_owned(),
            names: Vec::new(),
            impersonates: Reach::Nobody,
            opens: Reach::Nobody,
        }
    }

    /// An account that may open every mailbox and act as everybody.
    pub fn service(user: &str, password: &str) -> Self {
        Account { impersonates: Reach::Everybody, opens: Reach::Everybody, ..Account::new(user, password) }
    }

    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.user.eq_ignore_ascii_case(name)
            || self.names.iter().any(|other| other.eq_ignore_ascii_case(name))
    }
}

/// An application that logs in with tokens. Its `Debug` form hides its secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Its client id.
    pub id: String,
    /// The tenant it is registered in, as it stands in the path of the token endpoint.
    pub tenant: String,
    /// Its secret; without one it is a public client unless it has certificates.
    #[serde(default)]
    pub secret: Option<String>,
    /// Its certificates, as PEM.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// Whom it may act as with a token of its own: the permission `full_access_as_app` and its scope.
    #[serde(default)]
    pub impersonates: Reach,
    /// Whether accounts may log in through it with user name and password.
    #[serde(default)]
    pub password_grant: bool,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("certificates", &self.certificates.len())
            .field("impersonates", &self.impersonates)
            .field("password_grant", &self.password_grant)
            .finish_non_exhaustive()
    }
}

impl Application {
    /// An application with a secret that may act as everybody.
    pub fn with_secret(id: &str, tenant: &str, secret: &str) -> Self {
        Application {
            secret: Some(secret.to_owned()),
            impersonates: Reach::Everybody,
            ..Application::public(id, tenant)
        }
    }

    /// An application with a certificate (PEM) that may act as everybody.
    pub fn with_certificate(id: &str, tenant: &str, certificate: &str) -> Self {
        Application {
            certificates: vec![certificate.to_owned()],
            impersonates: Reach::Everybody,
            ..Application::public(id, tenant)
        }
    }

    /// An application without secrets, through which people log in; also with user name and password.
    pub fn public(id: &str, tenant: &str) -> Self {
        Application {
            id: id.to_owned(),
            tenant: tenant.to_owned(),
            secret: None,
            certificates: Vec::new(),
            impersonates: Reach::Nobody,
            password_grant: true,
        }
    }
}

/// What a right allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Right {
    /// Read.
    Reviewer,
    /// Read, create, change and delete.
    Editor,
    /// Everything the owner may do, except send.
    FullAccess,
    /// Send mail that says it is from the mailbox.
    SendAs,
    /// Send mail that says on whose behalf it is sent.
    SendOnBehalf,
}

/// A right of one user on the mailbox of another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Whose mailbox.
    pub mailbox: String,
    /// Who has the right: the name of an account, or the address of its mailbox.
    pub to: String,
    /// The folder it is for, by path or well-known name; the whole mailbox without one. A right on a folder does not
    /// reach the folders below it.
    #[serde(default)]
    pub folder: Option<String>,
    /// What it allows.
    pub right: Right,
}

impl Grant {
    /// A right on a whole mailbox.
    pub fn new(mailbox: &str, to: &str, right: Right) -> Self {
        Grant { mailbox: mailbox.to_owned(), to: to.to_owned(), folder: None, right }
    }

    /// The same right on one folder.
    #[must_use]
    pub fn on(self, folder: &str) -> Self {
        Grant { folder: Some(folder.to_owned()), ..self }
    }
}

/// Everybody who logs in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Directory {
    #[serde(default)]
    pub(crate) accounts: Vec<Account>,
    #[serde(default)]
    pub(crate) applications: Vec<Application>,
    #[serde(default)]
    pub(crate) grants: Vec<Grant>,
    /// Where Autodiscover sends those who ask about an address: another address, or a URL.
    #[serde(default)]
    pub(crate) redirects: BTreeMap<String, String>,
    /// Distribution groups.
    #[serde(default)]
    pub(crate) groups: Vec<Group>,
}

impl Directory {
    /// Adds what a file says; on an error says what is wrong.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), String> {
        let more: Directory = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        self.accounts.extend(more.accounts);
        self.applications.extend(more.applications);
        self.grants.extend(more.grants);
        self.groups.extend(more.groups);
        self.redirects.extend(more.redirects.into_iter().map(|(from, to)| (from.to_lowercase(), to)));
        Ok(())
    }
}

/// The security identifier of a mailbox's owner: always the same for an address.
pub(crate) fn sid(address: &str) -> String {
    let hash = Sha256::digest(address.to_lowercase().as_bytes());
    let number = hash.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("S-1-5-21-397955417-626881126-188441444-{number}")
}
