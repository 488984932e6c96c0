//! [ResolveNames](https://learn.microsoft.com/exchange/client-developer/web-service-reference/resolvenames-operation):
//! who in the directory is called so. One name a request, 100 answers at most.
//!
//! Only the organisation's directory is asked: the contacts of a mailbox are whatever its owner, or somebody who
//! got into it, wrote there.

use exchange::{DirectoryEntry, Resolved};

use crate::answer::Message;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// More than any server gives.
const MOST: usize = 1_000;

/// A question.
pub(crate) struct ResolveNames<'a> {
    pub(crate) name: &'a str,
}

impl Operation for ResolveNames<'_> {
    const NAME: &'static str = "ResolveNames";
    const ANSWER: &'static str = "ResolveNamesResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = Resolved;

    fn write(&self, out: &mut Writer) {
        out.open("m:ResolveNames", &[("ReturnFullContactData", "false"), ("SearchScope", "ActiveDirectory")]);
        out.exact("m:UnresolvedEntry", self.name);
        out.close("m:ResolveNames");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Resolved, Failure> {
        let mut all = None;
        while reader.child().await? {
            if all.is_some() {
                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
            }
            let mut message = Message::begin(reader);
            let mut found = Resolved::default();
            while reader.child().await? {
                match reader.name() {
                    b"ResolutionSet" => found = resolutions(reader).await?,
                    _ => message.other(reader).await?,
                }
            }
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

async fn resolutions<P: Pull>(reader: &mut Reader<P>) -> Result<Resolved, Failure> {
    let last = reader.attribute("IncludesLastItemInRange");
    let mut found =
        Resolved { entries: Vec::new(), truncated: matches!(last.as_deref(), Some("false" | "0")) };
    while reader.child().await? {
        if found.entries.len() >= MOST {
            return Err(reader.error(Reason::Count { asked: MOST, got: MOST + 1 }));
        }
        while reader.child().await? {
            match reader.name() {
                b"Mailbox" => found.entries.push(entry(reader).await?),
                _ => reader.skip().await?,
            }
        }
    }
    Ok(found)
}

async fn entry<P: Pull>(reader: &mut Reader<P>) -> Result<DirectoryEntry, Failure> {
    let mut entry = DirectoryEntry {
        name: String::new(),
        address: String::new(),
        routing_type: String::new(),
        kind: String::new(),
    };
    while reader.child().await? {
        match reader.name() {
            b"Name" => entry.name = reader.text().await?,
            b"EmailAddress" => entry.address = reader.text().await?,
            b"RoutingType" => entry.routing_type = reader.text().await?,
            b"MailboxType" => entry.kind = reader.text().await?,
            _ => reader.skip().await?,
        }
    }
    Ok(entry)
}
