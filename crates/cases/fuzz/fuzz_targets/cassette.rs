//! Arbitrary bytes as a cassette: it is read, or refused with a line that is there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_cases::{Cassette, Replay};

fuzz_target!(|bytes: &[u8]| {
    // Half of the inputs begin with a right header, or hardly any would get to the second line.
    let headed = [b"{\"cassette\":1,\"playbook\":\"p\"}\n".as_slice(), bytes].concat();
    for bytes in [bytes, &headed] {
        match Cassette::read(bytes) {
            Ok(cassette) => drop(Replay::new(cassette.into(), Vec::new(), &[])),
            Err(error) => assert!(error.line >= 1 && error.line <= bytes.split(|b| *b == b'\n').count() + 1),
        }
    }
});
