//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getstreamingevents-operation>
//!
//! This writes the first envelope; what follows comes from [`super::notifications`] as it happens.

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::xml::Element;
use super::notifications::{refuse, status};
use crate::model::subscription::Live;

/// How many subscriptions one connection may follow.
const MOST: usize = 200;

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["SubscriptionIds", "ConnectionTimeout"])?;
    let ids: Vec<String> =
        request.required("SubscriptionIds")?.children().map(|id| id.text().trim().to_owned()).collect();
    if ids.is_empty() || ids.len() > MOST {
        return Err(request.violation("The element 'SubscriptionIds' has invalid content."));
    }
    let minutes = request.required("ConnectionTimeout")?.number(1, 30)?;
    let owner = call.owner();
    let elsewhere: Vec<String> = ids.iter().filter(|id| call.is_here(id).is_err()).cloned().collect();
    if !elsewhere.is_empty() {
        refuse(&mut call.out, &elsewhere, "ErrorSubscriptionNotFound");
        return Ok(());
    }
    let refused: Vec<String> =
        ids.iter().filter(|id| call.state.can_stream(&owner, id).is_err()).cloned().collect();
    if !refused.is_empty() {
        refuse(&mut call.out, &refused, "ErrorInvalidSubscription");
        return Ok(());
    }
    status(&mut call.out, "OK");
    call.live = Some(Live { owner, subscriptions: ids, minutes });
    Ok(())
}
