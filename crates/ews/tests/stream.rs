//! A stream of notifications is read as it comes: what an envelope says is there when the envelope ends, however the
//! bytes are cut up and however long the next one takes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use exchange::ErrorKind;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::{Body, Frame};
use portcullis_ews::{EventKind, EventObject, EventStream, EwsClient, Streamed};
use proptest::prelude::*;
use support::{Canned, alice, now};
use tokio::sync::mpsc;
use tower_service::Service;

/// A body that has what was sent so far, and otherwise hangs.
struct Hanging(mpsc::UnboundedReceiver<Result<Bytes, String>>);

impl Body for Hanging {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, String>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

#[derive(Clone)]
struct Once(Arc<Mutex<Option<Hanging>>>);

impl Service<Request<Bytes>> for Once {
    type Response = Response<Hanging>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        ready(Ok(Response::new(self.0.lock().unwrap().take().expect("one request"))))
    }
}

/// A stream over a hanging body, whose first envelope has come.
fn open(first: &str) -> (mpsc::UnboundedSender<Result<Bytes, String>>, EventStream) {
    let (sender, receiver) = mpsc::unbounded_channel();
    sender.send(Ok(Bytes::copy_from_slice(first.as_bytes()))).unwrap();
    let client =
        EwsClient::new(Once(Arc::new(Mutex::new(Some(Hanging(receiver))))), support::config(), |_| true);
    let stream = now(client.stream_events(&alice(), &["s".to_owned()], 10)).unwrap();
    (sender, stream)
}

fn envelope(payload: &str) -> String {
    support::answer("GetStreamingEvents", &[("Success", "NoError", payload)])
}

fn status(word: &str) -> String {
    envelope(&format!("<m:ConnectionStatus>{word}</m:ConnectionStatus>"))
}

fn event(id: &str) -> String {
    format!(
        "<t:NewMailEvent><t:TimeStamp>2026-11-21T05:00:00Z</t:TimeStamp><t:ItemId Id=\"{id}\" ChangeKey=\"C\"/>\
         <t:ParentFolderId Id=\"F\"/></t:NewMailEvent>"
    )
}

fn news(ids: &[&str]) -> String {
    let events: String = ids.iter().map(|id| event(id)).collect();
    envelope(&format!(
        "<m:Notifications><m:Notification><t:SubscriptionId>s</t:SubscriptionId>{events}</m:Notification></m:Notifications>"
    ))
}

/// The ids of the items a part is about.
fn ids(streamed: &Streamed) -> Vec<String> {
    let Streamed::Notification(notification) = streamed else { panic!("{streamed:?}") };
    assert_eq!(notification.subscription, "s");
    let id = |event: &portcullis_ews::Event| match &event.object {
        Some(EventObject::Item(item)) => item.id.clone(),
        other => panic!("{other:?}"),
    };
    assert!(notification.events.iter().all(|event| event.kind == EventKind::NewMail && event.at.is_some()));
    notification.events.iter().map(id).collect()
}

#[test]
fn an_event_is_there_when_its_envelope_ends_and_not_before() {
    let (sender, mut stream) = open(&status("OK"));
    assert_eq!(now(stream.next()).unwrap(), Some(Streamed::Open));
    let text = news(&["a", "b"]);
    let (most, last) = text.split_at(text.len() - 1);
    // The future is kept: one that is dropped while it waits gives the stream up.
    let mut next = Box::pin(stream.next());
    sender.send(Ok(Bytes::copy_from_slice(most.as_bytes()))).unwrap();
    assert!(next.as_mut().now_or_never().is_none(), "the envelope has not ended");
    sender.send(Ok(Bytes::copy_from_slice(last.as_bytes()))).unwrap();
    assert_eq!(ids(&next.as_mut().now_or_never().unwrap().unwrap().unwrap()), ["a", "b"]);
    drop(next);
    let two = news(&["c"]) + "\r\n" + &news(&["d"]);
    sender.send(Ok(Bytes::from(two))).unwrap();
    assert_eq!(ids(&now(stream.next()).unwrap().unwrap()), ["c"]);
    assert_eq!(ids(&now(stream.next()).unwrap().unwrap()), ["d"]);
    sender.send(Ok(Bytes::from(status("Closed")))).unwrap();
    assert_eq!(now(stream.next()).unwrap(), Some(Streamed::Closed));
    // The body still hangs; the stream does not.
    assert_eq!(now(stream.next()).unwrap(), None);
}

#[test]
fn a_stream_that_breaks_says_so_once_and_ends() {
    for (broken, words) in [
        (Err("connection reset".to_owned()), "connection reset"),
        (Ok(Bytes::from_static(b"<html>")), "no Envelope"),
        (Ok(Bytes::from(support::envelope("<m:FindItemResponse/>"))), "answers something else"),
        (Ok(Bytes::from(news(&["a"]).replace("SubscriptionId>", "Other>"))), "SubscriptionId is missing"),
    ] {
        let (sender, mut stream) = open(&status("OK"));
        assert_eq!(now(stream.next()).unwrap(), Some(Streamed::Open));
        sender.send(broken).unwrap();
        drop(sender);
        let error = now(stream.next()).unwrap_err();
        assert!(error.message.contains(words) && error.message.contains("GetStreamingEvents"), "{error}");
        assert_ne!(error.kind, ErrorKind::Unknown, "{error}");
        assert_eq!(now(stream.next()).unwrap(), None);
    }
}

#[test]
fn an_envelope_that_is_cut_off_is_an_error_and_an_end_between_two_is_not() {
    let (sender, mut stream) = open(&status("OK"));
    assert_eq!(now(stream.next()).unwrap(), Some(Streamed::Open));
    drop(sender);
    assert_eq!(now(stream.next()).unwrap(), None);
    let (sender, mut stream) = open(&status("OK"));
    assert_eq!(now(stream.next()).unwrap(), Some(Streamed::Open));
    let text = news(&["a"]);
    sender.send(Ok(Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]))).unwrap();
    drop(sender);
    let error = now(stream.next()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient, "{error}");
}

#[test]
fn refused_subscriptions_are_named_and_end_the_stream() {
    let ids = "<m:ErrorSubscriptionIds><t:SubscriptionId>gone</t:SubscriptionId></m:ErrorSubscriptionIds>";
    let text = support::answer("GetStreamingEvents", &[("Error", "ErrorInvalidSubscription", ids)]);
    let (_sender, mut stream) = open(&text);
    let Some(Streamed::Refused { subscriptions, error }) = now(stream.next()).unwrap() else { panic!() };
    assert_eq!(subscriptions, ["gone"]);
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::NotFound, Some("ErrorInvalidSubscription")));
    assert!(error.message.contains("subscribe again"), "{error}");
    assert_eq!(now(stream.next()).unwrap(), None);
}

#[test]
fn each_envelope_is_held_to_the_limit_and_the_stream_is_not() {
    let mut config = support::config();
    config.max_answer = 64 << 10;
    let many: String = (0..400).map(|_| news(&["a"])).collect();
    assert!(many.len() > 3 * (64 << 10));
    let canned = Canned::xml(many.clone());
    let client = support::client_with(config.clone(), move |_| canned.clone());
    let mut stream = now(client.stream_events(&alice(), &["s".to_owned()], 10)).unwrap();
    let mut seen = 0;
    while let Some(part) = now(stream.next()).unwrap() {
        assert_eq!(ids(&part), ["a"]);
        seen += 1;
    }
    assert_eq!(seen, 400);
    let canned = Canned::xml(status("OK") + &news(&["a"; 1_000]));
    let client = support::client_with(config, move |_| canned.clone());
    let mut stream = now(client.stream_events(&alice(), &["s".to_owned()], 10)).unwrap();
    assert_eq!(now(stream.next()).unwrap(), Some(Streamed::Open));
    assert_eq!(now(stream.next()).unwrap_err().kind, ErrorKind::Limit);
}

proptest! {
    #[test]
    fn the_pieces_change_nothing(
        parts in proptest::collection::vec((0..3_u8, "[\r\n\t ]{0,3}"), 1..6),
        size in 1..400_usize,
    ) {
        let text: String = parts.iter().map(|(kind, blank)| {
            let envelope = match kind {
                0 => status("OK"),
                1 => news(&["a"]),
                _ => news(&["b", "c"]),
            };
            envelope + blank
        }).collect();
        let client = support::client(Canned::pieces(text.as_bytes(), size));
        let mut stream = now(client.stream_events(&alice(), &["s".to_owned()], 10)).unwrap();
        for (kind, _) in &parts {
            let part = now(stream.next()).unwrap().unwrap();
            match kind {
                0 => prop_assert_eq!(part, Streamed::Open),
                1 => prop_assert_eq!(ids(&part), ["a"]),
                _ => prop_assert_eq!(ids(&part), ["b", "c"]),
            }
        }
        prop_assert_eq!(now(stream.next()).unwrap(), None);
    }
}
