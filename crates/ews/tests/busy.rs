//! Whoever wants to know is told that a server wants to be left alone, however it says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use exchange::Mailbox;
use futures_util::FutureExt;
use portcullis_ews::OnBusy;
use support::Canned;

/// The times that were told when a server answers like this.
fn told(canned: Canned) -> Vec<Duration> {
    let times = Arc::new(Mutex::new(Vec::new()));
    let mut config = support::config();
    let theirs = Arc::clone(&times);
    config.on_busy = OnBusy::tell(move |wait| theirs.lock().unwrap().push(wait));
    let ports = support::ports_with(config, move |_| canned.clone());
    let replies = ports.automatic_replies.unwrap();
    let mailbox = Mailbox::new("alice@corp.example").unwrap();
    let _ = replies.out_of_office(&mailbox).now_or_never().unwrap();
    let times = times.lock().unwrap();
    times.clone()
}

fn envelope(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

const WAIT: &str = "<t:Value Name=\"BackOffMilliseconds\">29000</t:Value>";

#[test]
fn a_fault_and_a_response_message_are_heeded_and_nothing_else_is() {
    let fault = format!(
        "<s:Fault><faultcode>a:ErrorServerBusy</faultcode><faultstring>busy</faultstring><detail>\
         <t:MessageXml>{WAIT}</t:MessageXml></detail></s:Fault>"
    );
    assert_eq!(told(Canned::xml(envelope(&fault)).status(500)), [Duration::from_secs(29)]);
    let inside = format!(
        "<m:GetUserOofSettingsResponse><m:ResponseMessage ResponseClass=\"Error\"><m:MessageText>busy</m:MessageText>\
         <m:ResponseCode>ErrorServerBusy</m:ResponseCode><m:MessageXml>{WAIT}</m:MessageXml></m:ResponseMessage>\
         </m:GetUserOofSettingsResponse>"
    );
    assert_eq!(told(Canned::xml(envelope(&inside))), [Duration::from_secs(29)]);
    let other = inside.replace("BackOffMilliseconds", "Other");
    assert_eq!(told(Canned::xml(envelope(&other))), []);
    assert_eq!(told(Canned::xml("").status(503)), [], "that is read below");
}
