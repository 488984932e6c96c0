//! Any bytes as a stream of notifications, in pieces of any size: no panic, an end, and the pieces change nothing.
#![no_main]

#[path = "../pieces.rs"]
mod pieces;

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use pieces::Pieces;
use portcullis_ews::{Access, Config, EwsClient};
use portcullis_exchange::Mailbox;

/// Everything the stream gives, as text.
fn outcome(bytes: &[u8], size: usize) -> String {
    let service = Pieces::of(bytes, size);
    let url = http::Uri::from_static("https://mail.corp.example/EWS/Exchange.asmx");
    let mut config = Config::new(url, Access::Impersonation);
    config.request_id_seed = Some(1);
    let client = EwsClient::new(service, config, |_| true);
    let me = Mailbox::new("alice@corp.example").expect("an address");
    let subscriptions = ["s".to_owned()];
    let opened = client.stream_events(&me, &subscriptions, 1).now_or_never().expect("nothing here waits");
    let mut stream = match opened {
        Ok(stream) => stream,
        Err(error) => return format!("{error:?}"),
    };
    let mut all = String::new();
    loop {
        let next = stream.next().now_or_never().expect("nothing here waits");
        all.push_str(&format!("{next:?}\n"));
        if !matches!(next, Ok(Some(_))) {
            return all;
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let [size, bytes @ ..] = input else { return };
    let whole = outcome(bytes, bytes.len());
    assert_eq!(whole, outcome(bytes, usize::from(*size) % 64 + 1));
});
