//! [ResolveNames](https://learn.microsoft.com/exchange/client-developer/web-service-reference/resolvenames-operation):
//! who is called so. One name a request, 100 answers at most.
//!
//! The port asks only the organisation's directory: the contacts of a mailbox are whatever its owner, or somebody
//! who got into it, wrote there.

use exchange::{DirectoryEntry, Error, ErrorKind, Mailbox, Resolved};

use crate::answer::Message;
use crate::client::EwsClient;
use crate::contact_details::{self, ContactDetails};
use crate::directory::entry;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// More than any server gives.
const MOST: usize = 1_000;

/// Where names are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameScope {
    /// In the organisation's directory.
    #[default]
    Directory,
    /// There, and then among the contacts of the mailbox.
    DirectoryThenContacts,
    /// Among the contacts of the mailbox.
    Contacts,
    /// There, and then in the directory.
    ContactsThenDirectory,
}

impl NameScope {
    fn as_str(self) -> &'static str {
        match self {
            NameScope::Directory => "ActiveDirectory",
            NameScope::DirectoryThenContacts => "ActiveDirectoryContacts",
            NameScope::Contacts => "Contacts",
            NameScope::ContactsThenDirectory => "ContactsActiveDirectory",
        }
    }
}

/// How a name is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NameQuery<'a> {
    /// A name, the beginning of one, an alias or an address; `smtp:` before an address asks for just that.
    pub name: &'a str,
    /// Where.
    pub scope: NameScope,
    /// Whether what is known about them comes along.
    pub details: bool,
}

/// Somebody a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Who.
    pub entry: DirectoryEntry,
    /// What is known about them, where that was asked for and there is something.
    pub details: Option<ContactDetails>,
}

/// Everybody a name stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolutions {
    /// They. Nobody is an answer, too.
    pub found: Vec<Resolution>,
    /// Whether the server calls the name ambiguous.
    pub ambiguous: bool,
    /// Whether there are more than are listed here.
    pub truncated: bool,
}

/// A question.
pub(crate) struct ResolveNames<'a> {
    pub(crate) query: NameQuery<'a>,
}

impl Operation for ResolveNames<'_> {
    const NAME: &'static str = "ResolveNames";
    const ANSWER: &'static str = "ResolveNamesResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = Resolutions;

    fn write(&self, out: &mut Writer) {
        let NameQuery { name, scope, details } = self.query;
        let mut attributes = vec![
            ("ReturnFullContactData", if details { "true" } else { "false" }),
            ("SearchScope", scope.as_str()),
        ];
        if details {
            attributes.push(("ContactDataShape", "AllProperties"));
        }
        out.open("m:ResolveNames", &attributes);
        out.exact("m:UnresolvedEntry", name);
        out.close("m:ResolveNames");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Resolutions, Failure> {
        let mut all = None;
        while reader.child().await? {
            if all.is_some() {
                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
            }
            let mut message = Message::begin(reader);
            let mut found = Resolutions::default();
            while reader.child().await? {
                match reader.name() {
                    b"ResolutionSet" => found = resolutions(reader).await?,
                    _ => message.other(reader).await?,
                }
            }
            found.ambiguous = message.code() == "ErrorNameResolutionMultipleResults";
            match message.finish(Self::NAME, Self::EFFECT) {
                // Nobody is an answer.
                Err(error) if error.code.as_deref() == Some("ErrorNameResolutionNoResults") => {}
                other => other?,
            }
            all = Some(found);
        }
        all.ok_or_else(|| reader.error(Reason::Missing("ResolveNamesResponseMessage")))
    }
}

async fn resolutions<P: Pull>(reader: &mut Reader<P>) -> Result<Resolutions, Failure> {
    let last = reader.attribute("IncludesLastItemInRange");
    let truncated = matches!(last.as_deref(), Some("false" | "0"));
    let mut all = Resolutions { truncated, ..Resolutions::default() };
    while reader.child().await? {
        if all.found.len() >= MOST {
            return Err(reader.error(Reason::Count { asked: MOST, got: MOST + 1 }));
        }
        let (mut who, mut details) = (None, None);
        while reader.child().await? {
            match reader.name() {
                b"Mailbox" => who = Some(entry(reader).await?),
                b"Contact" => details = Some(contact_details::read(reader).await?),
                _ => reader.skip().await?,
            }
        }
        if let Some(entry) = who {
            all.found.push(Resolution { entry, details });
        }
    }
    Ok(all)
}

impl From<Resolutions> for Resolved {
    fn from(all: Resolutions) -> Self {
        let entries = all.found.into_iter().map(|found| found.entry).collect();
        Resolved { entries, truncated: all.truncated }
    }
}

impl EwsClient {
    /// Everybody a name stands for.
    ///
    /// # Errors
    /// A blank name is refused; what the wire says otherwise. Nobody is no error.
    pub async fn resolve_names(&self, mailbox: &Mailbox, query: NameQuery<'_>) -> Result<Resolutions, Error> {
        if query.name.trim().is_empty() {
            let text = "a blank name is nobody's; give a name or address";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        self.call(mailbox, ResolveNames { query }).await
    }

    /// The mailbox an alias stands for, for a shared mailbox that is known by its alias. An address stands for
    /// itself and costs no request.
    ///
    /// # Errors
    /// Where nobody has that alias, or more than one might be meant.
    pub async fn mailbox_by_alias(&self, mailbox: &Mailbox, alias: &str) -> Result<Mailbox, Error> {
        if let Some(address) = Mailbox::new(alias.trim()) {
            return Ok(address);
        }
        let query = NameQuery { name: alias.trim(), scope: NameScope::Directory, details: true };
        let found = self.resolve_names(mailbox, query).await?.found;
        let is = |text: &str| text.eq_ignore_ascii_case(query.name);
        let exactly = |one: &&Resolution| {
            let local = one.entry.address.rsplit_once('@').map_or("", |(local, _)| local);
            one.details.as_ref().map_or_else(|| is(local), |details| is(&details.alias))
        };
        let exact: Vec<&Resolution> = found.iter().filter(exactly).collect();
        let only = match (exact.as_slice(), found.as_slice()) {
            ([one], _) => Some(*one),
            ([], [one]) => Some(one),
            _ => None,
        };
        only.and_then(|one| Mailbox::new(&one.entry.address)).ok_or_else(|| {
            let (kind, what) = match found.as_slice() {
                [] => (ErrorKind::NotFound, "nobody in the directory has".to_owned()),
                _ => (ErrorKind::Invalid, format!("{} in the directory may be meant by", found.len())),
            };
            Error::new(kind, format!("{what} the alias \"{alias}\"; give the whole address"))
        })
    }
}
