//! Who may log in and what they may do, as a test sets it.

use crate::account::{self, Account, Application, Grant};
use crate::model::people::Group;
use crate::organisation::{Organisation, OrganisationError};

impl Organisation {
    /// Adds an account that may log in, beside the one in [`crate::Config`].
    pub fn add_account(&self, account: Account) {
        self.lock().directory.accounts.push(account);
    }

    /// Adds an application that gets tokens from the simulator's token endpoint.
    pub fn add_application(&self, application: Application) {
        self.lock().directory.applications.push(application);
    }

    /// Gives somebody a right on the mailbox of another.
    pub fn grant(&self, grant: Grant) {
        self.lock().directory.grants.push(grant);
    }

    /// Adds accounts, applications and rights, written as in the file `accounts.yaml` of a folder of mails.
    ///
    /// # Errors
    /// Where the text cannot be used.
    pub fn add_directory(&self, yaml: &str) -> Result<(), OrganisationError> {
        self.lock().directory.add(yaml).map_err(|message| OrganisationError { message })
    }

    /// Adds a distribution group. Its members are addresses: of mailboxes, of other groups, or of people outside.
    pub fn add_group(&self, address: &str, name: &str, members: &[&str]) {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        let group = Group { address: address.to_owned(), name: name.to_owned(), members };
        self.lock().directory.groups.push(group);
    }

    /// Makes Autodiscover send those who ask about an address to another address, or to a URL.
    pub fn redirect_autodiscover(&self, address: &str, to: &str) {
        self.lock().directory.redirects.insert(address.to_lowercase(), to.to_owned());
    }

    /// The security identifier of the owner of a mailbox, by which a client may act as them.
    pub fn sid(&self, mailbox: &str) -> String {
        account::sid(mailbox)
    }
}
