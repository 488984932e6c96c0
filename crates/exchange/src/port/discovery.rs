//! Where the server of a mailbox is.

use crate::port::Work;
use crate::{Mailbox, ServerFound};

/// Looks for servers.
pub trait Discovery: Send + Sync {
    /// The server of an address. The log-in goes only where the configuration lets it go. Where nothing is found it is
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), and the message says what was tried.
    fn discover<'a>(&'a self, address: &'a Mailbox) -> Work<'a, ServerFound>;
}
