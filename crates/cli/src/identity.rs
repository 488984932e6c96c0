//! Who decides or answers at this command line.
//!
//! The command trusts its operator: whoever may read the data folder and the configuration may speak for anybody,
//! as they could change the journal just as well. Roles are there so that a playbook's rules (`to`, `not`,
//! `quorum`) hold between people who work together, and so that the journal says in whose name was decided.

use anyhow::Result;
use clap::Args;
use engine::Person;

use crate::wire::Shared;

/// Flags that say who it is.
#[derive(Debug, Args, Default, Clone)]
pub(crate) struct IdentityFlags {
    /// In whose name; otherwise the user of this machine
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// A role of that person, beside those under `people:` in the configuration; may be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
}

impl IdentityFlags {
    /// The person, with the roles the configuration knows.
    pub(crate) fn person(&self, shared: &Shared) -> Result<Person> {
        let name = self.name.clone().unwrap_or_else(who);
        let config = shared.config()?;
        let known = config.people.get(&name).map(|person| person.roles.clone()).unwrap_or_default();
        let mut roles = known;
        roles.extend(self.roles.iter().cloned());
        Ok(Person::new(name, roles))
    }
}

/// The user of this machine, as far as it says.
pub(crate) fn who() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned())
}
