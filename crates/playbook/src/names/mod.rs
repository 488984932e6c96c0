//! What an expression may name at one place of a playbook, and of which type it is.
//!
//! `outline` knows where every step stands before anything is checked, `needs` the order of a `dag`,
//! `sight` which steps have ended at a place; `scope` puts them together for the expression checker.

mod needs;
pub(crate) mod outline;
mod scope;
mod sight;

pub(crate) use scope::{Names, Siblings, Stage, StepTypes, error_type, handler_error};
