//! XML in both directions, without a tree.
//!
//! Writing is a string builder that escapes. Reading is a tokenizer that is fed with the pieces of an HTTP
//! body as they arrive: quick-xml's own readers want the whole text or a blocking source, so its low-level
//! parts (where a tag ends, what its attributes are) are used here over a small buffer of our own. Left out
//! on purpose: DTDs, entities other than the five, encodings other than UTF-8.

mod clean;
mod read;
mod token;
mod write;

pub(crate) use clean::is_allowed;
pub(crate) use read::{Pull, Reader};
pub(crate) use token::Kind;
pub(crate) use write::Writer;
