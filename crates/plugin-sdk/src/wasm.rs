//! The real host, through the bindings generated from `wit/v1`.

use std::marker::PhantomData;

use crate::{Artifact, Failure, Level, Plugin, call, describe};

/// Generated code; `unsafe` is how a component reaches its host.
#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    reason = "generated code"
)]
pub mod bindings {
    wit_bindgen::generate!({
        world: "plugin",
        path: "wit/v1",
        pub_export_macro: true,
        export_macro_name: "__export_plugin",
    });
}

use bindings::exports::portcullis::plugin::actions;
use bindings::portcullis::plugin::{artifacts, log};

/// A [`Plugin`] behind the component's exports.
#[derive(Debug)]
pub struct Exported<P>(PhantomData<P>);

impl<P: Plugin> actions::Guest for Exported<P> {
    fn describe() -> String {
        describe::<P>()
    }

    fn invoke(action: String, input: String, context: String) -> Result<String, actions::Failure> {
        call::<P>(&action, &input, &context).map_err(|failure| actions::Failure {
            code: failure.code.to_owned(),
            message: failure.message,
            details: if failure.details.is_null() { String::new() } else { failure.details.to_string() },
        })
    }
}

impl From<artifacts::Problem> for Failure {
    fn from(problem: artifacts::Problem) -> Self {
        // The list of codes may grow.
        match problem.code.as_str() {
            "not_found" => Failure::not_found(problem.message),
            "limit" => Failure::limit(problem.message),
            _ => Failure::transient(problem.message),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Reader(artifacts::Reader);

impl Reader {
    pub(crate) fn open(digest: &str) -> Result<Self, Failure> {
        Ok(Reader(artifacts::open(digest)?))
    }

    pub(crate) fn read(&mut self, max: usize) -> Result<Vec<u8>, Failure> {
        Ok(self.0.read(u32::try_from(max).unwrap_or(u32::MAX))?)
    }
}

#[derive(Debug)]
pub(crate) struct Writer(artifacts::Writer);

impl Writer {
    pub(crate) fn create() -> Result<Self, Failure> {
        Ok(Writer(artifacts::create()?))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.0.write(bytes)?)
    }

    pub(crate) fn finish(self, media_type: &str) -> Result<Artifact, Failure> {
        let handle = artifacts::Writer::finish(self.0, media_type)?;
        serde_json::from_str(&handle)
            .map_err(|error| Failure::transient(format!("the host gave no readable artifact: {error}")))
    }
}

pub(crate) fn emit(level: Level, message: &str, fields: &str) {
    let level = match level {
        Level::Trace => log::Level::Trace,
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    log::emit(level, message, fields);
}
