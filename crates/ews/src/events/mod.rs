//! What happens in a mailbox, as notifications tell it, and the stream they come through.

mod event;
mod notification;
mod stream;

pub use event::{Event, EventKind, EventObject};
pub use notification::Notification;
pub use stream::{EventStream, Streamed};
