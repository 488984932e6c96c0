//! What a playbook would do, as `portcullis plan` tells it: the blast radius.
//!
//! A plan is a rehearsal: reads happen, everything else is answered by a stand-in. [`Seen`] gathers what the
//! rehearsal tells, [`Report`] lays it over the steps of the playbook, so that what was *not* done stands there
//! too, and `text` writes it down. The JSON form is the report itself.
//!
//! A loop is told once with counts. Whether a value depends on a stand-in is found from the expressions
//! (`dependence`), so it errs on the side of telling too much.

mod dependence;
mod gather;
mod report;
mod step;
mod text;
mod walk;

pub(crate) use gather::{Seen, folded};
pub(crate) use report::{Reads, Report};
