//! Who makes a call, and whether that is allowed.
//!
//! Everything an operation touches is found through [`Call`], so the question is asked there and not in the
//! operations. What is left out: rights between reading and changing, such as creating without seeing.

use super::call::Call;
use super::fault::SoapFault;
use super::xml::Element;
use crate::account::{Account, Application, Grant, Reach, Right, sid};
use crate::model::item::FolderKey;
use crate::model::mailbox::Mailbox;
use crate::model::state::{Place, State};
use crate::model::store_error::{StoreError, Stored};

/// Who logged in.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The account's name, which may be the address of its mailbox; the id of an application.
    pub(crate) user: String,
    pub(crate) impersonates: Reach,
    opens: Reach,
    /// Whether it is an application by itself, which has no mailbox.
    is_application: bool,
}

impl From<&Account> for Caller {
    fn from(account: &Account) -> Self {
        Caller {
            user: account.user.clone(),
            impersonates: account.impersonates.clone(),
            opens: account.opens.clone(),
            is_application: false,
        }
    }
}

impl From<&Application> for Caller {
    fn from(application: &Application) -> Self {
        Caller {
            user: application.id.clone(),
            impersonates: application.impersonates.clone(),
            opens: Reach::Nobody,
            is_application: true,
        }
    }
}

/// What an operation does with the folders and items that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    Reads,
    Changes,
    Owns,
}

impl Use {
    /// By the name of the operation: what is not known to read only, changes.
    pub(crate) fn of(operation: &str) -> Use {
        const READING: [&str; 9] =
            ["Get", "Find", "Sync", "Export", "Convert", "Subscribe", "Unsubscribe", "Search", "Resolve"];
        if READING.iter().any(|verb| operation.starts_with(verb)) { Use::Reads } else { Use::Changes }
    }
}

fn denied() -> StoreError {
    StoreError::new("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
}

fn right_on(grant: &Grant, mailbox: &Mailbox, folder: Option<FolderKey>) -> Option<Use> {
    if let Some(named) = &grant.folder {
        let names: Vec<&str> = named.split('/').collect();
        let place = mailbox.well_known(&named.to_lowercase()).or_else(|| mailbox.folder_by_path(&names));
        if place.is_none() || place != folder {
            return None;
        }
    }
    match grant.right {
        Right::Reviewer => Some(Use::Reads),
        Right::Editor => Some(Use::Changes),
        Right::FullAccess => Some(Use::Owns),
        Right::SendAs | Right::SendOnBehalf => None,
    }
}

impl Call<'_> {
    /// Who acts: the account, or whom it acts as.
    fn actor(&self) -> &str {
        self.impersonated.as_deref().unwrap_or(&self.caller.user)
    }

    /// Whether the account may open a mailbox as its own.
    fn opens(&self, address: &str) -> bool {
        self.actor().eq_ignore_ascii_case(address)
            || self.impersonated.is_none() && self.caller.opens.covers(address)
    }

    fn grants(&self, address: &str) -> impl Iterator<Item = &Grant> {
        let actor = self.actor();
        self.state.directory.grants.iter().filter(move |grant| {
            grant.mailbox.eq_ignore_ascii_case(address) && grant.to.eq_ignore_ascii_case(actor)
        })
    }

    /// Refuses what the call does to a folder of a mailbox, or to the mailbox itself, unless it is allowed.
    pub(crate) fn allowed(&self, address: &str, folder: Option<FolderKey>, needed: Use) -> Stored<()> {
        let mailbox = self.state.mailbox(address)?;
        self.routed(address)?;
        if self.is_public(address) || self.opens(&mailbox.address) {
            return Ok(());
        }
        let best = self.grants(&mailbox.address).filter_map(|grant| right_on(grant, mailbox, folder)).max();
        if best.is_some_and(|best| best >= needed) { Ok(()) } else { Err(denied()) }
    }

    /// The item with an id, if the call may do what it does to it.
    pub(crate) fn locate(&self, id: &str) -> Stored<Place> {
        let place = self.state.locate(None, id)?;
        let folder = self.state.item(&place)?.folder;
        match self.allowed(&place.mailbox, Some(folder), self.needs) {
            // Whoever is acted as sees an id of somebody else's mailbox as one that does not exist.
            Err(error) if self.impersonated.is_some() && error.code == "ErrorAccessDenied" => {
                self.state.mailbox(&place.mailbox)?;
                Err(StoreError::item_not_found())
            }
            result => result.map(|()| place),
        }
    }

    /// Refuses to send a mail in the name of a mailbox whose owner did not allow it.
    pub(crate) fn may_send(&self, place: &Place) -> Stored<()> {
        let Some(from) = self.state.item(place)?.mail.from.as_ref() else { return Ok(()) };
        let address = from.address.as_str();
        let own = self.opens(address) || self.caller.opens == Reach::Everybody && self.impersonated.is_none();
        let lets = |grant: &Grant| matches!(grant.right, Right::SendAs | Right::SendOnBehalf);
        if own || self.grants(address).any(lets) {
            return Ok(());
        }
        Err(StoreError::new(
            "ErrorSendAsDenied",
            "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account.",
        ))
    }
}

/// The mailbox that a call acts as, if it says one.
pub(crate) fn impersonated(
    state: &State,
    caller: &Caller,
    header: Option<Element<'_>>,
) -> Result<Option<String>, SoapFault> {
    let Some(impersonation) = header.and_then(|header| header.child("ExchangeImpersonation")) else {
        if caller.is_application {
            let text = "ExchangeImpersonation SOAP header must be present for this type of OAuth token.";
            return Err(SoapFault::new("ErrorImpersonationRequired", text));
        }
        return Ok(None);
    };
    let connecting = impersonation.required("ConnectingSID")?;
    let named = connecting.children().next().map(|named| (named.name(), named.text().trim().to_owned()));
    let invalid = || {
        let text = "ExchangeImpersonation header in the request is invalid.";
        SoapFault::new("ErrorInvalidExchangeImpersonationHeaderData", text)
    };
    let (kind, name) = named.filter(|(_, name)| !name.is_empty()).ok_or_else(invalid)?;
    let found = match kind {
        "PrimarySmtpAddress" | "SmtpAddress" | "PrincipalName" => {
            state.mailboxes.get(&name.to_lowercase()).ok_or_else(|| StoreError::no_mailbox(&name))?
        }
        "SID" => {
            let by_sid = state.mailboxes.values().find(|mailbox| sid(&mailbox.address) == name);
            by_sid.ok_or_else(|| StoreError::no_mailbox(&name))?
        }
        _ => return Err(invalid()),
    };
    if found.denied || !caller.impersonates.covers(&found.address) {
        let text = "The account does not have permission to impersonate the requested user.";
        return Err(SoapFault::new("ErrorImpersonateUserDenied", text));
    }
    Ok(Some(found.address.clone()))
}
