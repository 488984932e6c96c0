//! Any bytes as the answer to any question about people, calendars and the organisation, in pieces of any size: no
//! panic, and the pieces change nothing.
#![no_main]

#[path = "../pieces.rs"]
mod pieces;

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use pieces::Pieces;
use portcullis_ews::{
    Access, AvailabilityQuery, Config, EwsClient, FreeBusyDetail, Group, Invitee, MailboxSearch, NameQuery,
    PeopleIn, PeopleQuery, SearchGives, SearchPart, SearchableQuery, ServicePart, SuggestionQuery,
    Suitability,
};
use portcullis_exchange::Mailbox;

fn availability(me: &Mailbox) -> AvailabilityQuery {
    let wanted = SuggestionQuery { minutes: 60, per_day: 2, per_day_outside: 0, at_least: Suitability::Good };
    AvailabilityQuery {
        attendees: vec![Invitee::required(me.clone())],
        from: jiff::Timestamp::UNIX_EPOCH,
        until: jiff::Timestamp::from_second(86_400).expect("a day"),
        detail: Some(FreeBusyDetail::Details),
        interval_minutes: 30,
        suggestions: Some(wanted),
    }
}

/// What the chosen operation makes of the answer, as text.
fn outcome(operation: u8, answer: &[u8], size: usize) -> String {
    let service = Pieces::of(answer, size);
    let url = http::Uri::from_static("https://mail.corp.example/EWS/Exchange.asmx");
    let mut config = Config::new(url, Access::Impersonation);
    config.request_id_seed = Some(1);
    let client = EwsClient::new(service, config, |_| true);
    let me = Mailbox::new("alice@corp.example").expect("an address");
    let shown = match operation % 10 {
        0 => {
            let query = NameQuery { name: "a", details: true, ..NameQuery::default() };
            format!("{:?}", client.resolve_names(&me, query).now_or_never())
        }
        1 => {
            let group = Group::Public("all@corp.example".to_owned());
            format!("{:?}", client.expand_group_fully(&me, &group, 3).now_or_never())
        }
        2 => {
            let query = PeopleQuery { folder: PeopleIn::Directory, words: None, offset: 0, limit: 10 };
            format!("{:?}", client.find_people(&me, &query).now_or_never())
        }
        3 => format!("{:?}", client.searchable_mailboxes(&me, SearchableQuery::default()).now_or_never()),
        4 => {
            let search = MailboxSearch {
                query: "a".to_owned(),
                scopes: vec![("b".to_owned(), SearchPart::All)],
                gives: SearchGives::Preview,
                page_size: 2,
                ..MailboxSearch::default()
            };
            format!("{:?}", client.search_mailboxes(&me, &search).now_or_never())
        }
        5 => format!("{:?}", client.mail_tips(&me, &[me.clone(), me.clone()]).now_or_never()),
        6 => format!("{:?}", client.server_time_zones(&me, &[], true).now_or_never()),
        7 => format!("{:?}", client.availability(&me, &availability(&me)).now_or_never()),
        8 => format!("{:?}", client.delegates(&me).now_or_never()),
        _ => {
            let parts = [ServicePart::MailTips, ServicePart::VoiceMail, ServicePart::ProtectionRules];
            format!("{:?}", client.service_configuration(&me, &parts).now_or_never())
        }
    };
    assert!(shown.starts_with("Some"), "nothing here waits");
    shown
}

fuzz_target!(|input: &[u8]| {
    let [operation, size, answer @ ..] = input else { return };
    let whole = outcome(*operation, answer, answer.len());
    assert_eq!(whole, outcome(*operation, answer, usize::from(*size) % 64 + 1));
});
