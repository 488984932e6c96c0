//! What the headers of a request say about where it is to go, and what becomes of one that went to the wrong place.
//!
//! Public folders are in mailboxes of their own, and a server finds those by two headers. Microsoft documents which
//! mailbox they have to name for which operation; what a server answers where they name another is documented nowhere
//! and differs between versions. Here it is always a refusal, because a client that was lucky once is not right: no
//! header at all is `ErrorPublicFolderRequestProcessingFailed`, a mailbox without public folders is
//! `ErrorPublicFolderMailboxDiscoveryFailed`, and the tree where the content is wanted, or the other way round, is
//! `ErrorItemNotFound` or `ErrorPublicFolderRequestProcessingFailed`.
//!
//! <https://learn.microsoft.com/exchange/client-developer/exchange-web-services/public-folder-access-with-ews-in-exchange>

use super::call::Call;
use crate::model::store_error::{StoreError, Stored};
use crate::model::stores::Public;

/// What the headers of a request say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routing {
    /// `X-AnchorMailbox`.
    pub(crate) anchor: Option<String>,
    /// `X-PublicFolderMailbox`.
    pub(crate) public: Option<String>,
    /// Whether the client asks to come to one server only: `X-PreferServerAffinity`.
    pub(crate) prefers_affinity: bool,
    /// Names and values of cookies.
    pub(crate) cookies: Vec<(String, String)>,
}

/// What an operation on public folders is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// The tree of folders.
    Tree,
    /// One folder: either mailbox knows it.
    Folder,
    /// What is in a folder.
    Content,
}

impl About {
    fn of(operation: &str) -> About {
        match operation {
            "FindFolder" | "CreateFolder" | "UpdateFolder" | "MoveFolder" | "DeleteFolder" => About::Tree,
            "GetFolder" | "ConvertId" => About::Folder,
            _ => About::Content,
        }
    }
}

impl Call<'_> {
    /// Refuses what cannot be done to the folders of a mailbox, if it holds the public ones, and what was sent to
    /// another mailbox than that.
    pub(crate) fn routed(&self, address: &str) -> Stored<()> {
        let Some((hierarchy, public)) = self.state.public_folders() else { return Ok(()) };
        if !hierarchy.address.eq_ignore_ascii_case(address) {
            return Ok(());
        }
        check(self.routing, self.operation, &hierarchy.address, public)?;
        match self.operation {
            "CopyFolder" => Err(StoreError::new("ErrorMoveCopyFailed", "Public folders cannot be copied.")),
            "EmptyFolder" => {
                Err(StoreError::new("ErrorCannotEmptyFolder", "Public folders cannot be emptied."))
            }
            "SyncFolderHierarchy" => {
                let text = "The hierarchy of public folders cannot be synchronized.";
                Err(StoreError::new("ErrorInvalidOperation", text))
            }
            _ => Ok(()),
        }
    }

    /// Whether a mailbox holds the public folders, which are nobody's.
    pub(crate) fn is_public(&self, address: &str) -> bool {
        let found = self.state.public_folders();
        found.is_some_and(|(hierarchy, _)| hierarchy.address.eq_ignore_ascii_case(address))
    }
}

fn check(routing: &Routing, operation: &str, hierarchy: &str, public: &Public) -> Stored<()> {
    let (Some(named), Some(anchor)) = (&routing.public, &routing.anchor) else {
        let text = "The public folder request could not be processed: X-AnchorMailbox and X-PublicFolderMailbox have to name the public folder mailbox.";
        return Err(StoreError::new("ErrorPublicFolderRequestProcessingFailed", text));
    };
    let is = |header: &str, address: &str| header.trim().eq_ignore_ascii_case(address);
    let known = |header: &str| is(header, hierarchy) || is(header, &public.content);
    if !known(named) || !known(anchor) {
        let text = format!("The public folder mailbox '{}' could not be found.", named.trim());
        return Err(StoreError::new("ErrorPublicFolderMailboxDiscoveryFailed", text));
    }
    match About::of(operation) {
        About::Tree if !is(named, hierarchy) => {
            let text = "The hierarchy of public folders is in another mailbox.";
            Err(StoreError::new("ErrorPublicFolderRequestProcessingFailed", text))
        }
        About::Content if !is(named, &public.content) => Err(StoreError::item_not_found()),
        _ => Ok(()),
    }
}
