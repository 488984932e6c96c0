//! What an expression may name at one place of a playbook, and of which type it is.
//!
//! `outline` knows where every step stands before anything is checked, `facts` what conditions prove, and
//! `scope` puts the two together for the expression checker.

pub(crate) mod facts;
pub(crate) mod outline;
mod scope;

pub(crate) use scope::{Names, Siblings, StepTypes, View, error_type};
