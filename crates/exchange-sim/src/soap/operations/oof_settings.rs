//! GetUserOofSettings and SetUserOofSettings.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseroofsettings-operation>

use exchange::{OofAudience, OofState, OutOfOffice};
use jiff::Timestamp;

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::out::Out;
use super::super::xml::{Element, MESSAGES, TYPES};
use crate::model::filter::parse_time;
use crate::model::store_error::Stored;

const STATES: [(&str, OofState); 3] =
    [("Disabled", OofState::Disabled), ("Enabled", OofState::Enabled), ("Scheduled", OofState::Scheduled)];
const AUDIENCES: [(&str, OofAudience); 3] =
    [("None", OofAudience::None), ("Known", OofAudience::Known), ("All", OofAudience::All)];

pub(crate) fn answer_get(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["Mailbox"])?;
    let found = mailbox(call, request)?
        .and_then(|address| Ok(call.state.mailbox(&address)?.settings.out_of_office.clone()));
    open(&mut call.out, "Get", found.as_ref().map(drop));
    if let Ok(settings) = &found {
        write(&mut call.out, settings);
        call.out.raw("<m:AllowExternalOof>All</m:AllowExternalOof>");
    }
    call.out.raw("</m:GetUserOofSettingsResponse>");
    Ok(())
}

pub(crate) fn answer_set(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["Mailbox", "UserOofSettings"])?;
    let settings = read(request.required("UserOofSettings")?)?;
    let done = mailbox(call, request)?.and_then(|address| call.state.set_out_of_office(&address, settings));
    open(&mut call.out, "Set", done.as_ref().map(drop));
    call.out.raw("</m:SetUserOofSettingsResponse>");
    Ok(())
}

fn mailbox(call: &Call<'_>, request: Element<'_>) -> Result<Stored<String>, SoapFault> {
    let mailbox = request.required("Mailbox")?;
    mailbox.sequence(&["Name", "Address", "RoutingType"])?;
    Ok(call.named_mailbox(Some(mailbox.required("Address")?.text())))
}

/// Begins an answer, which holds one response message.
fn open(out: &mut Out, verb: &str, result: Result<(), &crate::model::store_error::StoreError>) {
    out.raw(&format!("<m:{verb}UserOofSettingsResponse xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\">"));
    match result {
        Ok(()) => out.raw(
            "<m:ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode></m:ResponseMessage>",
        ),
        Err(error) => {
            out.raw("<m:ResponseMessage ResponseClass=\"Error\"><m:MessageText>");
            out.text(&error.text);
            out.raw(&format!(
                "</m:MessageText><m:ResponseCode>{}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey></m:ResponseMessage>",
                error.code
            ));
        }
    }
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words.iter().find(|(_, known)| known == value).map(|(word, _)| *word).unwrap_or_default()
}

fn write(out: &mut Out, settings: &OutOfOffice) {
    out.raw("<t:OofSettings>");
    out.element("t:OofState", word(&STATES, &settings.state));
    out.element("t:ExternalAudience", word(&AUDIENCES, &settings.audience));
    // A server always names a duration, and takes the day of the question where there is none.
    if let Some((start, end)) = settings.duration {
        out.raw("<t:Duration>");
        out.element("t:StartTime", &start.to_string());
        out.element("t:EndTime", &end.to_string());
        out.raw("</t:Duration>");
    }
    for (name, text) in
        [("t:InternalReply", &settings.internal_reply), ("t:ExternalReply", &settings.external_reply)]
    {
        out.raw(&format!("<{name}>"));
        out.element("t:Message", text);
        out.raw(&format!("</{name}>"));
    }
    out.raw("</t:OofSettings>");
}

fn read(element: Element<'_>) -> Result<OutOfOffice, SoapFault> {
    element.sequence(&[
        "OofState",
        "ExternalAudience",
        "Duration",
        "InternalReply",
        "ExternalReply",
        "DeclineMeetingReply",
        "DeclineEventsForScheduledOOF",
        "DeclineAllEventsForScheduledOOF",
        "CreateOOFEvent",
        "OOFEventSubject",
        "AutoDeclineFutureRequestsWhenOOF",
        "OOFEventID",
        "EventsToDeleteIDs",
    ])?;
    let duration = element.child("Duration").map(|duration| {
        duration.sequence(&["StartTime", "EndTime"])?;
        Ok::<_, SoapFault>((time(duration.required("StartTime")?)?, time(duration.required("EndTime")?)?))
    });
    let reply = |name: &str| {
        let message = element.child(name).and_then(|reply| reply.child("Message"));
        message.map(Element::text).unwrap_or_default()
    };
    Ok(OutOfOffice {
        state: choice(element.required("OofState")?, &STATES)?,
        audience: choice(element.required("ExternalAudience")?, &AUDIENCES)?,
        duration: duration.transpose()?,
        internal_reply: reply("InternalReply"),
        external_reply: reply("ExternalReply"),
    })
}

fn choice<T: Copy>(element: Element<'_>, words: &[(&str, T)]) -> Result<T, SoapFault> {
    let said = element.text();
    let found = words.iter().find(|(word, _)| *word == said.trim());
    found.map(|(_, value)| *value).ok_or_else(|| {
        element.violation(&format!("The '{}' element is invalid - The value '{said}'.", element.name()))
    })
}

fn time(element: Element<'_>) -> Result<Timestamp, SoapFault> {
    parse_time(&element.text())
        .ok_or_else(|| element.violation(&format!("The '{}' element is no dateTime.", element.name())))
}
