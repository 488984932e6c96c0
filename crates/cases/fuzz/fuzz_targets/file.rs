//! Arbitrary bytes as a case file: it is read, or refused with a sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_cases::CaseFile;

fuzz_target!(|bytes: &[u8]| {
    let headed = [b"test: 1\ncases:\n- name: a\n  expect: ['true']\n".as_slice(), bytes].concat();
    for bytes in [bytes, &headed] {
        match CaseFile::parse(bytes) {
            Ok(file) => assert!(file.cases.iter().all(|case| !case.expect.is_empty())),
            Err(why) => assert!(!why.is_empty()),
        }
    }
});
