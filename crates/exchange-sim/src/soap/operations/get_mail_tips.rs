//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getmailtips-operation>

use exchange::OofState;

use super::super::bare;
use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::out::Out;
use super::super::xml::Element;
use crate::model::state::State;

const NAME: &str = "GetMailTips";

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["SendingAs", "Recipients", "MailTipsRequested"])?;
    let sender = request.required("SendingAs")?.required("EmailAddress")?.text();
    request.required("MailTipsRequested")?;
    let recipients: Vec<String> = request
        .required("Recipients")?
        .children()
        .map(|one| one.child("EmailAddress").map(Element::text).unwrap_or_default())
        .collect();
    let known = call.state.mailbox(sender.trim()).map(drop);
    bare::open(&mut call.out, NAME, known.as_ref().err());
    if known.is_ok() {
        let Call { state, out, .. } = call;
        out.raw("<m:ResponseMessages>");
        for address in &recipients {
            out.raw("<m:MailTipsResponseMessageType");
            bare::verdict(out, None);
            write(out, state, address.trim());
            out.raw("</m:MailTipsResponseMessageType>");
        }
        out.raw("</m:ResponseMessages>");
    }
    bare::close(&mut call.out, NAME);
    Ok(())
}

/// In the order of the schema. Somebody inside without a mailbox or a group is no recipient.
fn write(out: &mut Out, state: &State, address: &str) {
    let who = state.whose(address);
    out.raw("<m:MailTips><t:RecipientAddress>");
    out.element("t:Name", &who.name);
    out.element("t:EmailAddress", &who.address);
    out.raw("<t:RoutingType>SMTP</t:RoutingType></t:RecipientAddress><t:PendingMailTips/>");
    let mailbox = state.mailboxes.get(&address.to_lowercase());
    let settings = mailbox.map(|mailbox| &mailbox.settings);
    let replies = settings.map(|settings| &settings.out_of_office);
    let now = state.clock.peek();
    let away = replies.filter(|replies| match (replies.state, replies.duration) {
        (OofState::Disabled, _) => false,
        (OofState::Scheduled, Some((start, end))) => start <= now && now < end,
        _ => true,
    });
    out.raw("<t:OutOfOffice><t:ReplyBody>");
    out.element("t:Message", away.map_or("", |replies| replies.internal_reply.as_str()));
    out.raw("</t:ReplyBody>");
    if let Some((start, end)) = away.and_then(|replies| replies.duration) {
        out.raw("<t:Duration>");
        out.element("t:StartTime", &start.to_string());
        out.element("t:EndTime", &end.to_string());
        out.raw("</t:Duration>");
    }
    out.raw("</t:OutOfOffice>");
    if mailbox.is_some() {
        out.raw("<t:MailboxFull>false</t:MailboxFull>");
    }
    if let Some(tip) = settings.map(|settings| &settings.profile.mail_tip).filter(|tip| !tip.is_empty()) {
        out.element("t:CustomMailTip", tip);
    }
    let group = state.group(address);
    if let Some(group) = group {
        let (all, outside) = state.member_counts(group);
        out.element("t:TotalMemberCount", &all.to_string());
        out.element("t:ExternalMemberCount", &outside.to_string());
    }
    let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase()).unwrap_or_default();
    let inside = state.domains().contains(&domain);
    let invalid = inside && mailbox.is_none() && group.is_none();
    out.raw("<t:DeliveryRestricted>false</t:DeliveryRestricted><t:IsModerated>false</t:IsModerated>");
    out.element("t:InvalidRecipient", if invalid { "true" } else { "false" });
    out.raw("</m:MailTips>");
}
