//! What the crash tests stand on: the shipped playbooks with the people they ask, a wire on which requests get lost,
//! and a judge who looks at the simulated organisation and never at our own words.

pub(crate) mod judge;
pub(crate) mod playbooks;
pub(crate) mod wire;
