//! Test cases of playbooks: files that say which mail is there, who answers what, and what has to come out.
//!
//! A case is judged from outside: it gets a simulated organisation of its own over real HTTP, an engine that
//! keeps nothing, and expectations in the expression language of playbooks. What is not here yet: fixtures for
//! actions that the simulator does not serve, a clock that jumps over waits.

mod file;
mod judge;
mod play;

pub(crate) use file::{Case, CaseFile};
pub(crate) use judge::Verdict;
pub(crate) use play::play;
