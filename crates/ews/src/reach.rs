//! From a configuration and a mailbox to what a request has to say so that it reaches that mailbox: who is acted
//! for, whose folders are meant, and the headers that servers route by.

use exchange::{Error, ErrorKind, Mailbox};

use crate::config::{Access, Config, Identity, NamedBy, Store};
use crate::version::Version;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// The schema version asked for.
    pub(crate) version: Version,
    /// How the mailbox that is acted for is named: element and value.
    pub(crate) acted_for: Option<(&'static str, String)>,
    /// Whose well-known folders are meant, where they are not the account's own.
    pub(crate) owner: Option<String>,
    /// Where folders are looked for.
    pub(crate) place: Place,
    /// `X-AnchorMailbox`.
    pub(crate) anchor: String,
    /// `X-PublicFolderMailbox`.
    pub(crate) public: Option<String>,
    /// A [management role](https://learn.microsoft.com/exchange/client-developer/web-service-reference/managementrole)
    /// the call is made with.
    pub(crate) role: Option<&'static str>,
}

/// Where folders are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Place {
    #[default]
    Mailbox,
    Archive,
    PublicFolders,
}

/// The operations on the tree of folders, which another mailbox may hold than what is in the folders.
const ON_THE_TREE: [&str; 7] = [
    "FindFolder",
    "GetFolder",
    "CreateFolder",
    "CreateFolderPath",
    "UpdateFolder",
    "MoveFolder",
    "DeleteFolder",
];

impl Reach {
    /// How `operation` reaches `mailbox`; an error where this connection does not open it.
    pub(crate) fn find(
        config: &Config,
        version: Version,
        mailbox: &Mailbox,
        operation: &'static str,
    ) -> Result<Self, Error> {
        only(config, mailbox, operation)?;
        let own = |own: &Mailbox| own.as_str().eq_ignore_ascii_case(mailbox.as_str());
        let (acted_for, owner) = match &config.access {
            Access::Impersonation => (Some(identity(config, mailbox)), None),
            Access::SelfOnly { mailbox: mine } if own(mine) => (None, None),
            Access::SelfOnly { mailbox: mine } => {
                return Err(Error::new(
                    ErrorKind::PermissionDenied,
                    format!(
                        "{operation} at {mailbox}: this connection opens only {mine}; use a connection with impersonation"
                    ),
                ));
            }
            Access::Delegate { mailbox: Some(mine) } if own(mine) => (None, None),
            Access::Delegate { .. } => (None, Some(mailbox.as_str().to_owned())),
        };
        let (place, public) = match &config.store {
            Store::Primary => (Place::Mailbox, None),
            Store::Archive => (Place::Archive, None),
            Store::PublicFolders { hierarchy, content } => {
                let holder = match content {
                    Some(content) if !ON_THE_TREE.contains(&operation) => Some(content),
                    _ => hierarchy.as_ref(),
                };
                (Place::PublicFolders, holder.cloned())
            }
        };
        // Public folders are nobody's, so no owner is named with them.
        let owner = owner.filter(|_| place != Place::PublicFolders);
        let anchor = public.clone().or_else(|| config.anchor.clone());
        let anchor = anchor.unwrap_or_else(|| mailbox.as_str().to_owned());
        Ok(Reach { version, acted_for, owner, place, anchor, public, role: None })
    }
}

/// Refuses a mailbox that the connection is not for.
fn only(config: &Config, mailbox: &Mailbox, operation: &str) -> Result<(), Error> {
    if config.only.is_empty()
        || config.only.iter().any(|one| one.as_str().eq_ignore_ascii_case(mailbox.as_str()))
    {
        return Ok(());
    }
    let names: Vec<&str> = config.only.iter().map(Mailbox::as_str).collect();
    Err(Error::new(
        ErrorKind::PermissionDenied,
        format!(
            "{operation} at {mailbox}: this connection opens only {}; use another connection",
            names.join(" and ")
        ),
    ))
}

/// How the mailbox that is acted for is named.
fn identity(config: &Config, mailbox: &Mailbox) -> (&'static str, String) {
    let same = |named: &Mailbox| named.as_str().eq_ignore_ascii_case(mailbox.as_str());
    match config.identities.iter().find(|(named, _)| same(named)) {
        Some((_, Identity::PrincipalName(name))) => ("t:PrincipalName", name.clone()),
        Some((_, Identity::Sid(sid))) => ("t:SID", sid.clone()),
        None => {
            let element = match config.named_by {
                NamedBy::PrimarySmtpAddress => "t:PrimarySmtpAddress",
                NamedBy::SmtpAddress => "t:SmtpAddress",
                NamedBy::PrincipalName => "t:PrincipalName",
            };
            (element, mailbox.as_str().to_owned())
        }
    }
}

impl Place {
    /// The name the schema has here for what is `name` in a mailbox; words for a person where there is nothing
    /// like it.
    pub(crate) fn folder(self, name: &str) -> Result<String, String> {
        const IN_ARCHIVES: [&str; 8] = [
            "root",
            "msgfolderroot",
            "inbox",
            "deleteditems",
            "recoverableitemsroot",
            "recoverableitemsdeletions",
            "recoverableitemsversions",
            "recoverableitemspurges",
        ];
        match self {
            Place::Mailbox => Ok(name.to_owned()),
            Place::Archive if IN_ARCHIVES.contains(&name) => Ok(format!("archive{name}")),
            Place::Archive if name.starts_with("archive") => Ok(name.to_owned()),
            Place::Archive => Err(format!(
                "an archive has no well-known folder \"{name}\"; name the folder by its path, or use a connection to the mailbox itself"
            )),
            Place::PublicFolders if matches!(name, "root" | "msgfolderroot" | "publicfoldersroot") => {
                Ok("publicfoldersroot".to_owned())
            }
            Place::PublicFolders => Err(format!(
                "public folders have no well-known folder \"{name}\"; name the folder by its path, or use a connection to a mailbox"
            )),
        }
    }
}
