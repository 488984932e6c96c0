//! The SOAP envelope around every answer, the fault instead of one, and what every response message has.
//!
//! Real servers leave headers out, repeat namespaces and add elements of later versions: what is not needed
//! is passed over. The envelope itself and the name of the answer are needed, because they tell an answer
//! from a page that happens to be XML.

use std::time::Duration;

use exchange::Error;

use crate::code::{LONGEST_WAIT, Verdict};
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::request_id::RequestId;
use crate::version::ServerVersion;
use crate::xml::{Kind, Pull, Reader};

/// SOAP 1.1, which Exchange speaks, and 1.2.
const SOAP: [&str; 2] =
    ["http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"];

/// The answer that is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// Its element.
    pub(crate) name: &'static str,
    /// Whether it is one response message, or holds one, instead of a list of them.
    pub(crate) bare: bool,
}

/// Steps into `ResponseMessages` of the answer that is expected, or into the answer itself if it is bare; a fault is
/// an error. What the header says of the server goes to `server`, also before a fault.
pub(crate) async fn open<P: Pull>(
    reader: &mut Reader<P>,
    expected: Expected,
    operation: &str,
    effect: Effect,
    server: &mut Option<ServerVersion>,
) -> Result<(), Failure> {
    if reader.next().await? != Kind::Start || reader.name() != b"Envelope" {
        return Err(reader.error(Reason::Envelope("the root is no Envelope")));
    }
    if !reader.has_namespace(&SOAP) {
        return Err(reader.error(Reason::Envelope("its namespace is not that of SOAP")));
    }
    loop {
        if !reader.child().await? {
            return Err(reader.error(Reason::Missing("Body")));
        }
        match reader.name() {
            b"Body" => break,
            b"Header" => *server = header(reader).await?,
            _ => reader.skip().await?,
        }
    }
    if !reader.child().await? {
        return Err(reader.error(Reason::Envelope("its Body is empty")));
    }
    if reader.name() == b"Fault" {
        let verdict = fault(reader).await?;
        return Err(verdict.into_error(operation, effect == Effect::Changes).into());
    }
    if reader.name() != expected.name.as_bytes() {
        return Err(reader.error(Reason::Operation(expected.name)));
    }
    if expected.bare {
        return Ok(());
    }
    into(reader, b"ResponseMessages", "ResponseMessages").await
}

/// Reads to the end of the document, which shows that it is whole.
pub(crate) async fn close<P: Pull>(reader: &mut Reader<P>) -> Result<(), Failure> {
    while reader.next().await? != Kind::Eof {}
    Ok(())
}

/// Reads what the [header](https://learn.microsoft.com/exchange/client-developer/web-service-reference/serverversioninfo)
/// says of the server. The numbers only: `Version` is a word of many kinds.
async fn header<P: Pull>(reader: &mut Reader<P>) -> Result<Option<ServerVersion>, Failure> {
    let mut server = None;
    while reader.child().await? {
        if reader.name() == b"ServerVersionInfo" {
            let number = |name: &str| reader.attribute(name)?.trim().parse().ok();
            let (major, minor) = (number("MajorVersion"), number("MinorVersion"));
            server = major.zip(minor).map(|(major, minor)| ServerVersion {
                major,
                minor,
                build: number("MajorBuildNumber").unwrap_or_default(),
            });
        }
        reader.skip().await?;
    }
    Ok(server)
}

/// Steps into the child of that name.
async fn into<P: Pull>(reader: &mut Reader<P>, name: &[u8], what: &'static str) -> Result<(), Failure> {
    while reader.child().await? {
        if reader.name() == name {
            return Ok(());
        }
        reader.skip().await?;
    }
    Err(reader.error(Reason::Missing(what)))
}

/// A [fault](https://www.w3.org/TR/2000/NOTE-SOAP-20000508/#_Toc478383507). Its `detail` has the response
/// code; without one the words after the colon of `faultcode` are taken.
async fn fault<P: Pull>(reader: &mut Reader<P>) -> Result<Verdict, Failure> {
    let mut verdict = Verdict::default();
    let mut fault_code = String::new();
    let mut words = String::new();
    while reader.child().await? {
        match reader.name() {
            b"faultcode" => fault_code = reader.text().await?,
            b"faultstring" => words = reader.text().await?,
            b"Code" | b"Reason" => {
                let is_code = reader.name() == b"Code";
                while reader.child().await? {
                    let text = reader.text().await?;
                    let place = if is_code { &mut fault_code } else { &mut words };
                    if place.is_empty() {
                        *place = text;
                    }
                }
            }
            b"detail" | b"Detail" => {
                while reader.child().await? {
                    common(reader, &mut verdict).await?;
                }
            }
            _ => reader.skip().await?,
        }
    }
    if verdict.code.is_empty() {
        verdict.code = fault_code.rsplit(':').next().unwrap_or_default().trim().to_owned();
    }
    if verdict.text.is_empty() {
        verdict.text = words.trim().to_owned();
    }
    Ok(verdict)
}

/// The parts that faults and response messages have in common; anything else is passed over.
async fn common<P: Pull>(reader: &mut Reader<P>, verdict: &mut Verdict) -> Result<(), Failure> {
    match reader.name() {
        b"ResponseCode" => verdict.code = reader.text().await?.trim().to_owned(),
        b"MessageText" | b"Message" => verdict.text = reader.text().await?.trim().to_owned(),
        b"MessageXml" => {
            while reader.child().await? {
                let name = reader.attribute("Name").unwrap_or_default();
                let text = reader.text().await?;
                match (name.as_str(), text.trim().parse()) {
                    ("BackOffMilliseconds", Ok(wait)) => {
                        let wait = Duration::from_millis(wait).min(LONGEST_WAIT);
                        reader.asked_to_wait(wait);
                        verdict.back_off = Some(wait);
                    }
                    ("InnerErrorResponseCode", _) => verdict.inner = text.trim().to_owned(),
                    _ => {}
                }
            }
        }
        _ => reader.skip().await?,
    }
    Ok(())
}

/// One response message: what it says, apart from its payload.
#[derive(Debug)]
pub(crate) struct Message {
    class: String,
    verdict: Verdict,
    id: RequestId,
}

impl Message {
    /// Begins at the start of a response message.
    pub(crate) fn begin<P: Pull>(reader: &Reader<P>) -> Self {
        Message {
            class: reader.attribute("ResponseClass").unwrap_or_default(),
            verdict: Verdict::default(),
            id: reader.id(),
        }
    }

    /// Reads a child that is no payload.
    pub(crate) async fn other<P: Pull>(&mut self, reader: &mut Reader<P>) -> Result<(), Failure> {
        common(reader, &mut self.verdict).await
    }

    /// Its response code, once that was read.
    pub(crate) fn code(&self) -> &str {
        &self.verdict.code
    }

    /// What the message comes to. A warning is a success with words, unless it says that the item was not
    /// reached.
    pub(crate) fn finish(self, operation: &str, effect: Effect) -> Result<(), Error> {
        let code = self.verdict.code.as_str();
        let good = match self.class.as_str() {
            "Success" => true,
            "Warning" => code != "ErrorBatchProcessingStopped",
            "Error" => false,
            _ => code == "NoError",
        };
        if good {
            return Ok(());
        }
        let mut error = self.verdict.into_error(operation, effect == Effect::Changes);
        error.message = self.id.onto(error.message);
        Err(error)
    }
}

/// Results as they come in, compared with how many were asked for.
pub(crate) struct Results<T> {
    asked: usize,
    all: Vec<Result<T, Error>>,
}

impl<T> Results<T> {
    /// For so many items.
    pub(crate) fn new(asked: usize) -> Self {
        Results { asked, all: Vec::with_capacity(asked) }
    }

    /// The place of the next result; an error if none is due.
    pub(crate) fn place<P: Pull>(&self, reader: &Reader<P>) -> Result<usize, Failure> {
        if self.all.len() >= self.asked {
            return Err(reader.error(Reason::Count { asked: self.asked, got: self.all.len() + 1 }));
        }
        Ok(self.all.len())
    }

    /// Adds one.
    pub(crate) fn push(&mut self, result: Result<T, Error>) {
        self.all.push(result);
    }

    /// All of them, if none is missing.
    pub(crate) fn finish<P: Pull>(self, reader: &Reader<P>) -> Result<Vec<Result<T, Error>>, Failure> {
        if self.all.len() != self.asked {
            return Err(reader.error(Reason::Count { asked: self.asked, got: self.all.len() }));
        }
        Ok(self.all)
    }
}
