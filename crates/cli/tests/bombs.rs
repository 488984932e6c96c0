//! Mails made to break whoever reads them, through the whole playbook: each ends within seconds, in bounded
//! memory, and the process lives to deal with the next mail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

mod triage;

use std::time::Duration;

use triage::{Triage, succeeded};

/// How long one bomb may take, on a busy machine and without optimisation.
const LIMIT: Duration = Duration::from_secs(30);

/// What the process may have in memory at its most. The simulator and the client are both in it, and each holds
/// the largest mail several times.
#[cfg(target_os = "linux")]
const MEMORY_KIB: u64 = 2 * 1024 * 1024;

fn head(subject: &str) -> String {
    format!(
        "From: <bomber@evil.test>\r\nTo: alice@corp.example\r\nSubject: {subject}\r\n\
         Message-ID: <{subject}@evil.test>\r\nMIME-Version: 1.0\r\n"
    )
}

/// Messages inside messages.
fn nested(depth: usize) -> Vec<u8> {
    let mut mail = head("nested");
    mail.push_str(&"Content-Type: message/rfc822\r\n\r\n".repeat(depth));
    mail.push_str("Subject: core\r\n\r\nnothing\r\n");
    mail.into_bytes()
}

/// Multiparts inside multiparts, each with a boundary of its own.
fn nested_multiparts(depth: usize) -> Vec<u8> {
    let mut mail = head("multiparts");
    for level in 0..depth {
        mail.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"));
    }
    mail.push_str("\r\nnothing\r\n");
    mail.into_bytes()
}

fn parts(count: usize) -> Vec<u8> {
    let mut mail = head("parts");
    mail.push_str("Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    mail.push_str(&"--b\n\n".repeat(count));
    mail.into_bytes()
}

fn divs(bytes: usize) -> Vec<u8> {
    let mut mail = head("divs");
    mail.push_str("Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n");
    mail.push_str(&"<div>\n".repeat(bytes / 6));
    mail.push_str("<a href=\"https://evil.test/below\">x</a>\r\n");
    mail.into_bytes()
}

/// A mail with a ZIP archive of `kib` KiB that holds a thousand times as many zeros.
fn zip_bomb(kib: usize) -> Vec<u8> {
    let mut mail = head("zip");
    mail.push_str(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nopen it\r\n--b\r\n\
         Content-Type: application/zip; name=bomb.zip\r\nContent-Disposition: attachment; filename=bomb.zip\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n",
    );
    mail.push_str(&base64(&zip(kib * 1024)));
    mail.push_str("\r\n--b--\r\n");
    mail.into_bytes()
}

/// A stored entry called `bomb` that claims deflate: one block of fixed codes, "repeat the last byte 258 times"
/// until it is `length` bytes long ([RFC 1951](https://www.rfc-editor.org/rfc/rfc1951), 3.2.6).
fn zip(length: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0b011, 3);
    // The literal 0, code 00110000, most significant bit first.
    bits.push(0b0000_1100, 8);
    let mut written = 1_u64;
    while bits.bytes.len() + 32 < length {
        // Length 258 is code 285, 11000101; distance 1 is code 00000.
        bits.push(0b1010_0011, 8);
        bits.push(0, 5);
        written += 258;
    }
    bits.push(0, 7);
    bits.push(0, 8);
    let data = bits.bytes;
    let sizes = |out: &mut Vec<u8>| {
        out.extend([0_u8; 4]);
        out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        out.extend(u32::try_from(written).unwrap().to_le_bytes());
        out.extend(4_u16.to_le_bytes());
    };
    let mut archive = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0".to_vec();
    sizes(&mut archive);
    archive.extend(b"\0\0bomb");
    archive.extend(&data);
    let directory = archive.len();
    archive.extend(b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0");
    sizes(&mut archive);
    archive.extend([0_u8; 16]);
    archive.extend(b"bomb");
    let size = archive.len() - directory;
    archive.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    archive.extend(u32::try_from(size).unwrap().to_le_bytes());
    archive.extend(u32::try_from(directory).unwrap().to_le_bytes());
    archive.extend([0_u8; 2]);
    archive
}

/// Bits of a deflate stream, the least significant one first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, bits: u32, count: u32) {
        self.held |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push((self.held & 0xff) as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (index, group) in bytes.chunks(3).enumerate() {
        let number =
            group.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = (number >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= group.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
        if index % 19 == 18 {
            text.push_str("\r\n");
        }
    }
    text
}

#[cfg(target_os = "linux")]
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_end_and_the_process_lives() {
    let triage = Triage::new();
    let plain = format!("{}\r\nHello\r\n", head("plain"));
    // What cannot be read is left to a person; what can be read is dealt with like any other mail.
    let bombs: [(&str, Vec<u8>, &str); 5] = [
        ("50,000 nested messages", nested(50_000), "by_hand"),
        ("50,000 nested multiparts", nested_multiparts(50_000), "by_hand"),
        ("4,000,000 parts", parts(4_000_000), "by_hand"),
        ("200 KB of nested <div>", divs(200_000), "approved"),
        ("a ZIP archive of 4 MB that unpacks to 600 MB", zip_bomb(4096), "approved"),
    ];
    for (name, mail, decision) in &bombs {
        let result = triage.run(mail, LIMIT).await;
        println!("{name}: {} bytes, {decision} in {:.1} s", mail.len(), result.took.as_secs_f64());
        assert!(succeeded(&result), "{name}: {:?}", result.end);
        assert_eq!(result.output("decision"), decision, "{name}: {:?}", result.end);
        assert_eq!(result.deleted, if *decision == "approved" { 2 } else { 0 }, "{name}");
        // The same engine deals with the next mail as if nothing had happened.
        let next = triage.run(plain.as_bytes(), LIMIT).await;
        assert!(succeeded(&next) && next.deleted == 2, "after {name}: {:?}", next.end);
    }
    #[cfg(target_os = "linux")]
    {
        println!("at most {} MiB in memory", peak_kib() / 1024);
        assert!(peak_kib() < MEMORY_KIB, "{} KiB", peak_kib());
    }
}
