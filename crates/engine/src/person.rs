//! Who decides or answers.

/// A person as the embedder knows them. Whether they are who they say is the embedder's business; whether they
/// may decide is the playbook's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// Goes into the journal; compared with the name of whoever started the run.
    pub name: String,
    /// What they may answer for, e.g. `soc-lead`.
    pub roles: Vec<String>,
}

impl Person {
    /// A person with roles.
    pub fn new<R: Into<String>>(name: impl Into<String>, roles: impl IntoIterator<Item = R>) -> Self {
        Person { name: name.into(), roles: roles.into_iter().map(Into::into).collect() }
    }

    /// Why this person may not decide what `to` asks for.
    pub(crate) fn refused(&self, to: &plan::Audience, starter: &str) -> Option<String> {
        if to.not_starter && self.name == starter {
            return Some(format!("{} started the run and may not decide it", self.name));
        }
        if !to.roles.is_empty() && !to.roles.iter().any(|role| self.roles.contains(role)) {
            let wanted = to.roles.join(", ");
            return Some(format!("{} has none of the roles that may: {wanted}", self.name));
        }
        None
    }
}

impl From<&str> for Person {
    fn from(name: &str) -> Self {
        Person { name: name.to_owned(), roles: Vec::new() }
    }
}

impl From<&String> for Person {
    fn from(name: &String) -> Self {
        Person::from(name.as_str())
    }
}

impl From<&Person> for Person {
    fn from(person: &Person) -> Self {
        person.clone()
    }
}
