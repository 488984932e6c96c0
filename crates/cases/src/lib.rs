//! Test cases of playbooks: what is there, who answers what, and what has to come out.
//!
//! A [`CaseFile`] is read, held against the playbook it is for ([`Suite`]), and its cases are played on an engine
//! of their own: virtual time, actions behind a stage that knows stubs and cassettes, and expectations in the
//! expression language of playbooks. Beside that: coverage of branches and steps, and reports as JUnit XML.
//!
//! Left out on purpose: any mail, any simulator, any terminal. Whoever runs cases brings the real actions, and the
//! names that only their surroundings know (`ledger`, `mailbox()`).

mod answer;
mod cassette;
mod clock;
mod coverage;
mod diff;
mod expect;
mod file;
mod judge;
mod junit;
mod lines;
mod mask;
mod play;
mod points;
mod seen;
mod sites;
mod stage;
mod stub;
mod suite;

pub use answer::{Answers, Person, Said};
pub use cassette::{
    Cassette, CassetteError, MAX_BYTES, MAX_EMBEDDED, MAX_LINE, RecordError, Recorder, Replay, VERSION,
};
pub use coverage::{Coverage, Covered, Summary};
pub use diff::{Difference, differences};
pub use expect::Expectation;
pub use file::{
    Case, CaseFile, MAX_CASES, MAX_FILE, Mail, Signal, Start, Surroundings, Threshold, When, Wire,
};
pub use judge::{Verdict, Witness};
pub use junit::{JUnitCase, JUnitSuite, junit};
pub use mask::{MASK, Masker};
pub use play::{Played, World};
pub use seen::Seen;
pub use stage::{Called, RepeatStep};
pub use stub::{Stub, What};
pub use suite::Suite;
