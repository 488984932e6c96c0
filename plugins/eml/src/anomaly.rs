//! What is odd about a mail's structure: recorded, never repaired in silence.
//!
//! Two programs that read a broken mail differently are how an attachment gets past a filter, so every place where
//! this reader had to choose leaves a trace.

use encoding_rs::Encoding;
use schemars::JsonSchema;
use serde::Serialize;

/// More than this many say nothing new.
const MOST: usize = 200;

/// Kinds of anomaly. The list grows; treat an unknown code like any other anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A header that may stand only once stands several times. The first counts.
    DuplicateHeader,
    /// `From` names several mailboxes.
    SeveralFrom,
    /// There is no `From` with an address.
    NoFrom,
    /// There are no headers at all.
    NoHeaders,
    /// A line among the headers has no colon. The body begins there.
    HeaderWithoutColon,
    /// Space between a header's name and its colon.
    SpaceBeforeColon,
    /// A header with bytes beyond ASCII that is not valid UTF-8, read in `fallback_charset`, else as Windows-1252.
    RawHeaderBytes,
    /// A NUL byte in a header.
    NulInHeader,
    /// A carriage return that ends no line, in a header.
    BareCr,
    /// `Date` cannot be read.
    BadDate,
    /// An address header with text that is no address.
    BadAddress,
    /// An encoded word (RFC 2047) that cannot be decoded, left as it stands.
    BadEncodedWord,
    /// `Content-Type` cannot be read; `text/plain` is assumed.
    BadContentType,
    /// More parameters in one header than are read.
    TooManyParameters,
    /// A multipart without a boundary; its content is shown as text.
    NoBoundary,
    /// A multipart whose boundary never appears; its content is shown as text.
    BoundaryNotFound,
    /// A multipart whose end boundary is missing.
    MissingBoundaryEnd,
    /// A boundary longer than the 70 characters that RFC 2046 allows.
    LongBoundary,
    /// Text after the end boundary of a multipart. Most programs do not show it.
    Epilogue,
    /// A `Content-Transfer-Encoding` nobody defines; the bytes are taken as they stand.
    UnknownTransferEncoding,
    /// A multipart or an attached mail with a transfer encoding, which RFC 2045 forbids.
    EncodedContainer,
    /// Base64 or quoted-printable with characters that do not belong there.
    BadEncoding,
    /// Text after the padding that ends base64. It was not decoded.
    DataAfterPadding,
    /// A charset nobody knows; `charset_repairs` says what was used.
    UnknownCharset,
    /// Text that its declared charset cannot decode: read in another one that `charset_repairs` names, or with
    /// characters replaced.
    BadCharset,
    /// `Content-Type` and `Content-Disposition` give two different names.
    TwoNames,
    /// Files hidden inside of text by uuencode or yEnc. Not decoded.
    EncodedFileInText,
    /// A body too large to be shown; it is listed as an attachment.
    LargeBody,
    /// `winmail.dat`, S/MIME or `.msg` that could not be read; it is listed as it stands.
    UnreadableContainer,
    /// `winmail.dat` or `.msg` of which a part could not be read; the rest is there.
    DamagedContainer,
    /// `winmail.dat` with another body than the mail around it. Both are shown, one after the other.
    TwoBodies,
}

/// Something odd about the mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct Anomaly {
    /// What kind.
    pub code: Code,
    /// Number of the part as IMAP counts, e.g. `1.2`; empty for the mail itself.
    pub part: String,
    /// Index into `messages` if it is about an attached mail, otherwise null.
    pub message: Option<u32>,
    /// Where exactly, e.g. the header's name.
    pub detail: String,
}

/// Anomalies as they are found. Not more than 200 are kept.
#[derive(Debug, Default)]
pub struct Anomalies {
    found: Vec<Anomaly>,
    message: Option<u32>,
    part: String,
    repairs: Vec<CharsetRepair>,
    /// What text is read as that has no usable charset and is not UTF-8; without it, Windows-1252.
    pub fallback: Option<&'static Encoding>,
}

/// Text that was read in another charset than the declared one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false, "x-untrusted" = true))]
pub struct CharsetRepair {
    /// Number of the part as IMAP counts, e.g. `1.2`; empty for the mail itself.
    pub part: String,
    /// Index into `messages` if it is about an attached mail, otherwise null.
    pub message: Option<u32>,
    /// The charset that the mail names; null if it names none.
    pub declared: Option<String>,
    /// The charset that was used, by its name in the Encoding Standard, in lower case, e.g. `windows-1251`.
    pub used: String,
}

impl Anomalies {
    /// None yet, of a mail whose text is read in that charset where nothing better is known.
    pub fn with_fallback(fallback: Option<&'static Encoding>) -> Self {
        Anomalies { fallback, ..Anomalies::default() }
    }

    /// What is found from now on is about this part.
    pub fn at(&mut self, message: Option<u32>, part: &str) {
        self.message = message;
        part.clone_into(&mut self.part);
    }

    /// Records one. The same code at the same place is recorded once.
    pub fn add(&mut self, code: Code, detail: &str) {
        if self.found.len() >= MOST {
            return;
        }
        let detail: String = detail.chars().take(80).collect();
        let anomaly = Anomaly { code, part: self.part.clone(), message: self.message, detail };
        if !self.found.contains(&anomaly) {
            self.found.push(anomaly);
        }
    }

    /// Records that text was not in the charset that it declares.
    pub fn repaired(&mut self, declared: &str, used: &'static Encoding) {
        if self.repairs.len() >= MOST {
            return;
        }
        let declared: String = declared.chars().take(80).collect();
        let repair = CharsetRepair {
            part: self.part.clone(),
            message: self.message,
            declared: Some(declared).filter(|label| !label.is_empty()),
            used: used.name().to_ascii_lowercase(),
        };
        if !self.repairs.contains(&repair) {
            self.repairs.push(repair);
        }
    }

    /// Takes the repairs out, in the order in which they were made.
    pub fn take_repairs(&mut self) -> Vec<CharsetRepair> {
        std::mem::take(&mut self.repairs)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Says which mail those in the given range are about, by their part.
    pub fn assign(&mut self, range: std::ops::Range<usize>, message_of: impl Fn(&str) -> Option<u32>) {
        for anomaly in self.found.get_mut(range).into_iter().flatten() {
            anomaly.message = message_of(&anomaly.part);
        }
    }

    /// All of them, in the order in which they were found, each once.
    pub fn into_list(self) -> Vec<Anomaly> {
        let mut list: Vec<Anomaly> = Vec::with_capacity(self.found.len());
        for anomaly in self.found {
            if !list.contains(&anomaly) {
                list.push(anomaly);
            }
        }
        list
    }
}
