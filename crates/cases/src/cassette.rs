//! Cassettes: what actions were asked and answered in one run, as a file that can answer again.
//!
//! JSON, one object a line: a header, then the calls in the order in which they were answered. Bytes that an
//! answer speaks of are in the file too, up to 1 MiB each. Secrets are taken out before anything is written, and a
//! replay takes them out of its questions in the same way, so that the two still fit.

mod format;
mod record;
mod replay;

pub use format::{Cassette, CassetteError, MAX_BYTES, MAX_EMBEDDED, MAX_LINE, VERSION};
pub use record::{RecordError, Recorder};
pub use replay::Replay;
