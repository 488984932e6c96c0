//! A service that answers without a network, and ports over it.
#![allow(dead_code, reason = "every test file uses a part of this")]

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use exchange::{Error, ItemRef, Mailbox, Ports};
use futures_util::FutureExt;
use futures_util::stream::{Iter, iter};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use portcullis_ews::{Access, Config, EwsClient};
use proptest::prelude::*;
use serde_json::json;
use tower_service::Service;

/// An answer: status, headers, body in pieces.
#[derive(Clone, Default)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) pieces: Vec<Bytes>,
}

impl Canned {
    /// 200 with XML in one piece.
    pub(crate) fn xml(body: impl Into<Bytes>) -> Self {
        Canned { status: 200, headers: Vec::new(), pieces: vec![body.into()] }
    }

    /// 200 with XML in pieces of that size.
    pub(crate) fn pieces(body: &[u8], size: usize) -> Self {
        let pieces = body.chunks(size.max(1)).map(Bytes::copy_from_slice).collect();
        Canned { status: 200, headers: Vec::new(), pieces }
    }

    /// The same with another status.
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with a header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

type Reply = dyn Fn(&Request<Bytes>) -> Canned + Send + Sync;

/// The service.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Reply>);

type Pieces = StreamBody<Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>>;

impl Service<Request<Bytes>> for Fake {
    type Response = Response<Pieces>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let canned = (self.0)(&request);
        let pieces: Vec<_> = canned.pieces.into_iter().map(|piece| Ok(Frame::data(piece))).collect();
        let mut answer = Response::builder().status(canned.status);
        for (name, value) in canned.headers {
            answer = answer.header(name, value);
        }
        ready(Ok(answer.body(StreamBody::new(iter(pieces))).unwrap()))
    }
}

/// A configuration with impersonation.
pub(crate) fn config() -> Config {
    let mut config =
        Config::new("http://127.0.0.1/EWS/Exchange.asmx".parse().unwrap(), Access::Impersonation);
    // Errors name their request, and two clients that get the same answer say the same.
    config.request_id_seed = Some(1);
    config
}

/// Ports whose requests `reply` answers.
pub(crate) fn ports_with(config: Config, reply: impl Fn(&str) -> Canned + Send + Sync + 'static) -> Ports {
    client_with(config, move |request| reply(std::str::from_utf8(request.body()).unwrap())).ports()
}

/// A service whose requests `reply` answers.
pub(crate) fn service(reply: impl Fn(&Request<Bytes>) -> Canned + Send + Sync + 'static) -> Fake {
    Fake(Arc::new(reply))
}

/// A client whose requests, with their headers, `reply` answers.
pub(crate) fn client_with(
    config: Config,
    reply: impl Fn(&Request<Bytes>) -> Canned + Send + Sync + 'static,
) -> EwsClient {
    EwsClient::new(Fake(Arc::new(reply)), config, |_| true)
}

/// A client that always gets the same answer.
pub(crate) fn client(canned: Canned) -> EwsClient {
    client_with(config(), move |_| canned.clone())
}

/// Ports that always get the same answer.
pub(crate) fn ports(canned: Canned) -> Ports {
    ports_with(config(), move |_| canned.clone())
}

/// The result of a future that never waits.
pub(crate) fn now<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    work.now_or_never().expect("nothing here waits")
}

/// A mailbox.
pub(crate) fn alice() -> Mailbox {
    Mailbox::new("alice@corp.example").unwrap()
}

/// Items by their ids.
pub(crate) fn items(ids: &[&str]) -> Vec<ItemRef> {
    ids.iter().map(|id| ItemRef::new(*id)).collect()
}

/// A search of the whole inbox.
pub(crate) fn whole_inbox() -> exchange::SearchRequest {
    exchange::SearchRequest {
        mailbox: alice(),
        folder: exchange::FolderRef::WellKnown(exchange::WellKnownFolder::Inbox),
        query: exchange::Query::default(),
        restriction: None,
        offset: 0,
        limit: 1000,
    }
}

/// An envelope around a body element.
pub(crate) fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope \
         xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// An answer of `operation` with these response messages: class, code and payload of each.
pub(crate) fn answer(operation: &str, messages: &[(&str, &str, &str)]) -> String {
    let mut all = String::new();
    for (class, code, payload) in messages {
        all += &format!(
            "<m:{operation}ResponseMessage ResponseClass=\"{class}\"><m:ResponseCode>{code}</m:ResponseCode>{payload}\
             </m:{operation}ResponseMessage>"
        );
    }
    envelope(&format!(
        "<m:{operation}Response><m:ResponseMessages>{all}</m:ResponseMessages></m:{operation}Response>"
    ))
}

/// A payload with one message of that id.
pub(crate) fn message(id: &str) -> String {
    format!(
        "<m:Items><t:Message><t:ItemId Id=\"{id}\" ChangeKey=\"CK\"/><t:Subject>s</t:Subject></t:Message></m:Items>"
    )
}

/// Every value of an attribute `Id` of elements called `element`, as written.
pub(crate) fn ids<'a>(xml: &'a str, element: &str) -> Vec<&'a str> {
    xml.split(&format!("{element} Id=\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// Says yes to every request, in the way Exchange does.
pub(crate) fn agree(request: &str) -> Canned {
    let body = &request[request.find("<s:Body>").expect("a body")..];
    let operation: String =
        body["<s:Body><m:".len()..].chars().take_while(char::is_ascii_alphabetic).collect();
    let mut asked = ids(body, "<t:ItemId");
    let payloads: Vec<String> = match operation.as_str() {
        "FindItem" => vec![
            "<m:RootFolder TotalItemsInView=\"0\" IncludesLastItemInRange=\"true\"><t:Items/></m:RootFolder>".to_owned(),
        ],
        "FindFolder" => {
            let name = body.split("Constant Value=\"").nth(1).unwrap().split('"').next().unwrap();
            vec![format!(
                "<m:RootFolder TotalItemsInView=\"1\" IncludesLastItemInRange=\"true\"><t:Folders><t:Folder>\
                 <t:FolderId Id=\"F\" ChangeKey=\"C\"/><t:DisplayName>{name}</t:DisplayName></t:Folder></t:Folders>\
                 </m:RootFolder>"
            )]
        }
        "GetAttachment" => vec![
            "<m:Attachments><t:FileAttachment><t:Content>aGVsbG8=</t:Content></t:FileAttachment></m:Attachments>"
                .to_owned(),
        ],
        "GetItem" => asked
            .iter()
            .map(|id| {
                format!(
                    "<m:Items><t:Message><t:MimeContent>aGk=</t:MimeContent><t:ItemId Id=\"{id}\" ChangeKey=\"CK\"/>\
                     </t:Message></m:Items>"
                )
            })
            .collect(),
        "CreateItem" => vec![message("NEW")],
        "SendItem" | "DeleteItem" => asked.iter().map(|_| String::new()).collect(),
        "MoveItem" | "UpdateItem" => {
            asked.dedup();
            (0..asked.len()).map(|n| message(&format!("NEW{n}"))).collect()
        }
        "MarkAsJunk" => asked.iter().map(|_| String::new()).collect(),
        "CreateAttachment" => vec![
            "<m:Attachments><t:FileAttachment><t:AttachmentId Id=\"A\" RootItemId=\"NEW\" RootItemChangeKey=\"CK\"/>\
             </t:FileAttachment></m:Attachments>"
                .to_owned(),
        ],
        "DeleteAttachment" => ids(body, "<t:AttachmentId").iter().map(|_| String::new()).collect(),
        "ResolveNames" => {
            vec!["<m:ResolutionSet TotalItemsInView=\"0\" IncludesLastItemInRange=\"true\"/>".to_owned()]
        }
        "GetInboxRules" | "UpdateInboxRules" => {
            return Canned::xml(envelope(&format!(
                "<m:{operation}Response ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode></m:{operation}Response>"
            )));
        }
        "GetUserOofSettingsRequest" | "SetUserOofSettingsRequest" => {
            let name = operation.replace("Request", "Response");
            return Canned::xml(envelope(&format!(
                "<m:{name}><m:ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
                 </m:ResponseMessage></m:{name}>"
            )));
        }
        other => panic!("an operation nobody asked for: {other}"),
    };
    let messages: Vec<_> = payloads.iter().map(|payload| ("Success", "NoError", payload.as_str())).collect();
    Canned::xml(answer(&operation, &messages))
}

/// Restrictions of every kind in JSON, with texts that some of the mails of the conformance suite hold.
pub(crate) fn written_restriction() -> impl Strategy<Value = serde_json::Value> {
    let word = || {
        prop_oneof![
            4 => proptest::sample::select(vec![
                "Quiet Number 3", "quiet", "NUMBER", "writer", "Writer2@partner.example", "The Writer", "erin",
                "frank@corp.example", "Needle1", "<quietfile@partner.example>", "a < b & \"c\"", "é", "*",
            ]).prop_map(str::to_owned),
            1 => "[ -~]{0,20}[!-~]",
            1 => "[^\\p{Cc}\\p{Cn}\\p{Co}\\s]{1,6}",
        ]
    };
    let text = |fields: &[&'static str]| (proptest::sample::select(fields.to_vec()), word());
    let time = (1..9_u8, 0..24_u8).prop_map(|(day, hour)| format!("2026-06-0{day}T{hour:02}:00:00Z"));
    let times = (
        proptest::sample::select(vec!["before", "after", "eq"]),
        proptest::sample::select(vec!["received", "sent"]),
    );
    let every = exchange::restriction::Field::ALL.map(|field| field.as_str());
    let all = ["from", "to", "cc", "subject", "message_id", "category", "body"];
    let leaf = prop_oneof![
        text(&all).prop_map(|(field, value)| json!({ "eq": { "field": field, "value": value } })),
        text(&["from", "to", "cc", "subject", "message_id", "category", "body"])
            .prop_map(|(field, value)| json!({ "contains": { "field": field, "value": value } })),
        text(&all).prop_map(|(field, value)| json!({ "starts_with": { "field": field, "value": value } })),
        (times, time).prop_map(|((word, field), at)| json!({ word: { "field": field, "value": at } })),
        (proptest::sample::select(vec!["has_attachments", "is_read"]), any::<bool>())
            .prop_map(|(field, value)| json!({ "eq": { "field": field, "value": value } })),
        proptest::sample::select(vec!["low", "normal", "high"])
            .prop_map(|value| json!({ "eq": { "field": "importance", "value": value } })),
        any::<u16>().prop_map(|value| json!({ "eq": { "field": "size", "value": value } })),
        proptest::sample::select(every.to_vec()).prop_map(|field| json!({ "exists": { "field": field } })),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let many = || proptest::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            many().prop_map(|all| json!({ "and": all })),
            many().prop_map(|any| json!({ "or": any })),
            inner.clone().prop_map(|one| json!({ "not": one })),
        ]
    })
}
