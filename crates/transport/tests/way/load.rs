//! Many calls, servers that ask to wait, and calls that nobody waits for any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_transport::{Kind, Marks};
use tower_service::Service;

use crate::world::{Then, builder, origin, plain, post, read, say, send, until};

/// A server that fails so often, and then answers.
async fn failing(times: usize, failure: fn() -> Then) -> (String, crate::world::Seen) {
    let left = AtomicUsize::new(times);
    let (at, seen) = plain(move |_| {
        let left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() { failure() } else { say("200 OK", "", b"here") }
    })
    .await;
    (format!("http://{at}/"), seen)
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_allowed() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&most);
    let (at, _) = plain(move |_| {
        let under_way = now.fetch_add(1, Ordering::SeqCst) + 1;
        counted.fetch_max(under_way, Ordering::SeqCst);
        let now = Arc::clone(&now);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(25)).await;
            now.fetch_sub(1, Ordering::SeqCst);
        });
        let Then::Say(bytes) = say("200 OK", "", b"here") else { unreachable!() };
        Then::After(Duration::from_millis(30), bytes)
    })
    .await;
    let url = format!("http://{at}/");
    let client = builder().max_concurrent(3).build().unwrap();
    let calls = (0..20).map(|_| send(&client, post(&url, "<body/>")));
    for result in futures_util::future::join_all(calls).await {
        assert_eq!(result.unwrap().0, 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_place_is_held_until_the_body_is_read_or_dropped() {
    let (at, _) = plain(|_| say("200 OK", "", vec![b'x'; 1 << 20])).await;
    let url = format!("http://{at}/");
    let client = builder().max_concurrent(1).deadline(Duration::from_millis(400)).build().unwrap();
    let answer = client.clone().call(post(&url, "<body/>")).await.unwrap();
    let error = send(&client, post(&url, "<body/>")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Deadline, "{error}");
    assert!(!error.may_have_left(), "it waited for its place: {error}");
    let mut apart = post(&url, "<body/>");
    apart.extensions_mut().insert(Marks::default().lasting(Duration::from_secs(9)));
    assert_eq!(send(&client, apart).await.unwrap().0, 200, "a long one takes no place");
    drop(answer);
    assert_eq!(send(&client, post(&url, "<body/>")).await.unwrap().0, 200);
}

#[tokio::test]
async fn when_the_server_says_wait_all_calls_wait() {
    for status in ["429 Too Many", "503 Busy"] {
        let said = AtomicUsize::new(0);
        let (at, seen) = plain(move |_| {
            if said.fetch_add(1, Ordering::SeqCst) == 0 {
                return say(status, "Retry-After: 1\r\n", b"");
            }
            say("200 OK", "", b"here")
        })
        .await;
        let url = format!("http://{at}/");
        let client = builder().build().unwrap();
        assert_ne!(send(&client, post(&url, "<body/>")).await.unwrap().0, 200, "the caller decides");
        let began = Instant::now();
        let calls = (0..3).map(|_| send(&client, post(&url, "<body/>")));
        for result in futures_util::future::join_all(calls).await {
            assert_eq!(result.unwrap().0, 200);
        }
        assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
        assert_eq!(seen.asked().len(), 4, "nothing was sent meanwhile");
    }
}

#[tokio::test]
async fn a_wait_that_only_the_caller_can_read_holds_for_all_too() {
    let (url, seen) = failing(0, || say("500", "", b"")).await;
    let (other, _) = failing(0, || say("500", "", b"")).await;
    let client = builder().deadline(Duration::from_millis(300)).build().unwrap();
    client.back_off(&origin(&url), Duration::from_secs(60));
    client.back_off(&origin(&url), Duration::from_secs(1));
    let began = Instant::now();
    let error = send(&client, post(&url, "<body/>")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Busy, "{error}");
    assert!(!error.may_have_left() && error.retry_after().unwrap() > Duration::from_secs(50), "{error:?}");
    assert!(began.elapsed() < Duration::from_millis(250), "at once, not at the deadline");
    assert!(seen.asked().is_empty());
    assert_eq!(send(&client, post(&other, "<body/>")).await.unwrap().0, 200, "another server is not busy");
}

#[tokio::test]
async fn what_is_marked_harmless_is_sent_again_and_nothing_else_is() {
    let failures: [fn() -> Then; 4] = [
        || Then::Last(Vec::new()),
        || say("503 Busy", "", b""),
        || say("429 Busy", "Retry-After: 0\r\n", b""),
        || say("502 Bad", "", b""),
    ];
    for failure in failures {
        let (url, seen) = failing(2, failure).await;
        let client = builder().build().unwrap();
        assert_eq!(read(&client, &url).await.unwrap().1, "here");
        assert_eq!(seen.asked().len(), 3);

        let (url, seen) = failing(2, failure).await;
        let result = send(&client, post(&url, "<body/>")).await;
        assert!(result.as_ref().map_or(true, |(status, _)| *status != 200), "{result:?}");
        assert!(result.err().is_none_or(|error| error.may_have_left()));
        assert_eq!(seen.asked().len(), 1, "it may have changed something");
    }
}

#[tokio::test]
async fn what_another_try_does_not_help_is_not_tried_again() {
    for status in ["400 Bad", "401 No", "403 No", "404 No", "500 Fault"] {
        let (at, seen) = plain(move |_| say(status, "", b"")).await;
        read(&builder().build().unwrap(), &format!("http://{at}/")).await.unwrap();
        assert_eq!(seen.asked().len(), 1, "{status}");
    }
    let (url, seen) = failing(9, || say("503 Busy", "", b"")).await;
    assert_eq!(read(&builder().repeats(1).build().unwrap(), &url).await.unwrap().0, 503);
    assert_eq!(seen.asked().len(), 2);
    let (url, seen) = failing(9, || say("503 Busy", "Retry-After: 100\r\n", b"")).await;
    assert_eq!(read(&builder().build().unwrap(), &url).await.unwrap().0, 503, "there is no time for that");
    assert_eq!(seen.asked().len(), 1);
}

#[tokio::test]
async fn one_exchange_may_be_slow_where_the_call_has_time() {
    let (url, seen) = failing(1, || Then::After(Duration::from_secs(9), Vec::new())).await;
    let client = builder().attempt_timeout(Duration::from_millis(200)).build().unwrap();
    assert_eq!(read(&client, &url).await.unwrap().1, "here");
    assert_eq!(seen.asked().len(), 2);
    let (url, _) = failing(1, || Then::After(Duration::from_secs(9), Vec::new())).await;
    let error = send(&client, post(&url, "<body/>")).await.unwrap_err();
    assert!(error.kind() == Kind::Deadline && error.may_have_left(), "{error}");
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_closes_its_connection() {
    let (at, seen) = plain(|_| Then::After(Duration::from_secs(60), Vec::new())).await;
    let client = builder().build().unwrap();
    let call = tokio::spawn({
        let (client, url) = (client.clone(), format!("http://{at}/"));
        async move { send(&client, post(&url, "<body/>")).await }
    });
    let asked = seen.clone();
    until("asked", move || asked.asked().len() == 1).await;
    call.abort();
    let closed = seen.clone();
    until("closed", move || closed.closed() == 1).await;
}

#[tokio::test]
async fn a_body_that_nobody_reads_closes_its_connection_and_one_that_is_read_keeps_it() {
    let (at, seen) = plain(|_| say("200 OK", "", vec![b'x'; 4 << 20])).await;
    let client = builder().build().unwrap();
    let url = format!("http://{at}/");
    let answer = client.clone().call(post(&url, "<body/>")).await.unwrap();
    drop(answer);
    let closed = seen.clone();
    until("closed", move || closed.closed() == 1).await;
    for _ in 0..3 {
        assert_eq!(send(&client, post(&url, "<body/>")).await.unwrap().1.len(), 4 << 20);
    }
    assert_eq!(seen.opened(), 2);
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_costs_no_call() {
    let (at, seen) = plain(|asked| match say("200 OK", "", b"here") {
        Then::Say(bytes) if asked.connection % 2 == 0 => Then::Last(bytes),
        other => other,
    })
    .await;
    let client = builder().build().unwrap();
    let url = format!("http://{at}/");
    for _ in 0..6 {
        assert_eq!(send(&client, post(&url, "<body/>")).await.unwrap().1, "here");
    }
    assert_eq!(seen.asked().len(), 6, "and none is sent twice");
}
