//! `portcullis secret`: puts secrets into the keyring of the system, and takes them out.
//!
//! There is no command that shows one, and none that lists them: whoever wants to see a secret has the keyring's own
//! programs.

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::exit::{Exit, Wrong};
use crate::keyring::Ring;
use crate::{keyring, output, unseen};

/// Keep secrets in the keyring of this system
#[derive(Debug, Subcommand)]
pub(crate) enum Secret {
    /// Put a secret into the keyring, for `{ keyring: NAME }`: typed without being shown, or from standard input
    Set(Set),
    /// Take a secret out of the keyring
    Remove(Remove),
}

/// Put a secret into the keyring, for `{ keyring: NAME }`: typed without being shown, or from standard input
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// What the configuration calls it
    #[arg(value_parser = name)]
    name: String,
}

/// Take a secret out of the keyring
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// What the configuration calls it
    #[arg(value_parser = name)]
    name: String,
}

/// What a configuration can name.
fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err("the name of a secret is text without control characters".to_owned());
    }
    Ok(text.to_owned())
}

impl Secret {
    pub(crate) fn run(self) -> Result<Exit> {
        match self {
            Secret::Set(set) => set.run(),
            Secret::Remove(remove) => remove.run(),
        }
    }
}

impl Set {
    fn run(self) -> Result<Exit> {
        let question = format!("The secret `{}` (it is not shown): ", output::line(&self.name));
        let Some(secret) = unseen::secret(&question).context("could not read the secret")? else {
            output::complain("nothing was kept");
            return Ok(Exit::Nothing);
        };
        if secret.is_empty() || secret.contains(['\n', '\r', '\0']) {
            return Err(Wrong("a secret is one line that is not empty".to_owned()).into());
        }
        let ring = keyring::write(&self.name, &secret).context("the secret was not kept")?;
        let until = match ring {
            Ring::Desktop => "",
            Ring::Kernel => ", which forgets when this machine restarts",
        };
        let (name, ring) = (output::line(&self.name), ring.shown());
        output::say(&format!(
            "`{name}` is in {ring}{until}; write `{{ keyring: {name} }}` in portcullis.yaml"
        ));
        Ok(Exit::Done)
    }
}

impl Remove {
    fn run(self) -> Result<Exit> {
        let rings = keyring::remove(&self.name).context("the secret was not taken out")?;
        let name = output::line(&self.name);
        if rings.is_empty() {
            output::say(&format!("there is no `{name}` in the keyring"));
            return Ok(Exit::Nothing);
        }
        for ring in rings {
            output::say(&format!("`{name}` is no longer in {}", ring.shown()));
        }
        Ok(Exit::Done)
    }
}
