//! Prints what `eml.parse` makes of files, one JSON object a line: `{"file": …, "eml": …}` or `{"file": …, "failure": …}`.
//! `tests/foreign/outlook_check.py` compares it with what programs by others see.
#![allow(clippy::print_stdout, reason = "a program for the command line")]

use std::error::Error;

use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args().skip(1) {
        match eml::parse(std::fs::read(&path)?, 5, None) {
            Ok(mail) => println!("{}", json!({ "file": path, "eml": mail })),
            Err(failure) => println!("{}", json!({ "file": path, "failure": failure.message })),
        }
    }
    Ok(())
}
