//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getsearchablemailboxes-operation>
//!
//! Whoever may open every mailbox may search them: that stands for the management role Discovery Management.

use super::super::bare;
use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::out::Out;
use super::super::xml::Element;
use crate::account::Reach;
use crate::model::people::reference;
use crate::model::state::State;
use crate::model::store_error::{StoreError, Stored};

const NAME: &str = "GetSearchableMailboxes";

/// Refuses who has no such role.
pub(crate) fn allowed(call: &Call<'_>) -> Stored<()> {
    if call.caller.impersonates == Reach::Everybody {
        return Ok(());
    }
    Err(StoreError::new("ErrorAccessDenied", "The caller does not have the role to search mailboxes."))
}

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["SearchFilter", "ExpandGroupMembership"])?;
    let filter = request.child("SearchFilter").map(Element::text).unwrap_or_default();
    let expand = request.child("ExpandGroupMembership").map(Element::flag).transpose()?.unwrap_or(false);
    let found = allowed(call).and_then(|()| call.state.searchable(filter.trim(), expand));
    bare::open(&mut call.out, NAME, found.as_ref().err());
    call.out.raw("<m:SearchableMailboxes>");
    for address in found.unwrap_or_default() {
        let Call { state, out, .. } = call;
        write(out, state, &address);
    }
    call.out.raw("</m:SearchableMailboxes>");
    bare::close(&mut call.out, NAME);
    Ok(())
}

fn write(out: &mut Out, state: &State, address: &str) {
    let who = state.whose(address);
    let mailbox = state.mailboxes.get(&address.to_lowercase());
    let known =
        mailbox.map(reference).unwrap_or_else(|| format!("/o=Simulation/cn=Groups/cn={}", who.address));
    out.raw("<t:SearchableMailbox>");
    out.element("t:Guid", &guid(&who.address));
    out.element("t:PrimarySmtpAddress", &who.address);
    out.raw("<t:IsExternalMailbox>false</t:IsExternalMailbox><t:ExternalEmailAddress/>");
    out.element("t:DisplayName", &who.name);
    out.element("t:IsMembershipGroup", if mailbox.is_none() { "true" } else { "false" });
    out.element("t:ReferenceId", &known);
    out.raw("</t:SearchableMailbox>");
}

/// Always the same for an address.
fn guid(address: &str) -> String {
    use sha2::{Digest, Sha256};
    let hash = crate::model::compose::hex(&Sha256::digest(address.to_lowercase().as_bytes()), 16);
    let part = |range: std::ops::Range<usize>| hash.get(range).unwrap_or_default().to_owned();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}
