//! The bare limits: what the same bytes cost a program that does nothing else. A socket that is read to its end; on
//! top of that every event of the XML; on top of that values of its own, written by hand for just these answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// How much is read at once.
const BUFFER: usize = 64 << 10;

/// A connection that is kept, and the request that goes over it.
pub(crate) struct Connection(BufReader<TcpStream>, Vec<u8>);

impl Connection {
    /// Requests have so many bytes, which the server does not look at.
    pub(crate) fn to(server: SocketAddr, bytes: usize) -> Self {
        let mut request =
            format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\n").into_bytes();
        request.resize(request.len() + bytes, b'x');
        Connection(BufReader::with_capacity(BUFFER, TcpStream::connect(server).unwrap()), request)
    }

    /// Asks once; gives the body, not yet read.
    fn ask(&mut self) -> impl BufRead {
        self.0.get_mut().write_all(&self.1).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        while self.0.read_line(&mut line).unwrap() > 2 {
            length =
                line.strip_prefix("content-length: ").map_or(length, |text| text.trim().parse().unwrap());
            line.clear();
        }
        (&mut self.0).take(length)
    }
}

/// Reads everything and looks at nothing.
pub(crate) fn bytes(server: &mut Connection) -> usize {
    let mut body = server.ask();
    let mut seen = 0;
    loop {
        let piece = body.fill_buf().unwrap().len();
        if piece == 0 {
            return seen;
        }
        seen += piece;
        body.consume(piece);
    }
}

/// Every event, and nothing made of them but the bytes of `Content` and `MimeContent`.
pub(crate) fn events(server: &mut Connection) -> usize {
    let mut reader = Reader::from_reader(server.ask());
    let (mut seen, mut decode) = (0, false);
    let (mut buffer, mut decoded) = (Vec::new(), Vec::new());
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).unwrap() {
            Event::Eof => return seen + decoded.len(),
            Event::Start(start) => {
                decode = matches!(start.local_name().as_ref(), "Content" | "MimeContent");
                seen += 1;
            }
            Event::Text(text) if decode => {
                decoded.clear();
                STANDARD.decode_vec(text.as_bytes(), &mut decoded).unwrap();
            }
            _ => seen += 1,
        }
    }
}

/// A message as somebody would write it down who wants just these fields.
#[derive(Default)]
pub(crate) struct Message {
    id: String,
    change_key: String,
    folder: String,
    subject: String,
    received: String,
    sender: String,
    address: String,
    message_id: String,
    body: String,
    size: u64,
    has_attachments: bool,
    is_read: bool,
}

fn attribute(start: &BytesStart<'_>, name: &str) -> String {
    start.try_get_attribute(name).unwrap().map_or_else(String::new, |found| {
        found.normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned()
    })
}

/// The messages of an answer, and how many bytes its `Content` and `MimeContent` have.
pub(crate) fn values(server: &mut Connection) -> (Vec<Message>, usize) {
    let mut reader = Reader::from_reader(server.ask());
    let (mut buffer, mut decoded, mut text) = (Vec::new(), Vec::new(), String::new());
    let (mut messages, mut message, mut size) = (Vec::new(), Message::default(), 0);
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).unwrap() {
            Event::Eof => return (messages, size),
            Event::Start(start) | Event::Empty(start) => {
                text.clear();
                match start.local_name().as_ref() {
                    "ItemId" => {
                        message.id = attribute(&start, "Id");
                        message.change_key = attribute(&start, "ChangeKey");
                    }
                    "ParentFolderId" => message.folder = attribute(&start, "Id"),
                    _ => {}
                }
            }
            Event::Text(piece) => text.push_str(&piece),
            Event::GeneralRef(entity) => text.push(match &*entity {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                _ => '\'',
            }),
            Event::End(end) => {
                match end.local_name().as_ref() {
                    "Content" | "MimeContent" => {
                        decoded.clear();
                        STANDARD.decode_vec(text.as_bytes(), &mut decoded).unwrap();
                        size += decoded.len();
                    }
                    "Subject" => message.subject = std::mem::take(&mut text),
                    "DateTimeReceived" => message.received = std::mem::take(&mut text),
                    "Name" => message.sender = std::mem::take(&mut text),
                    "EmailAddress" => message.address = std::mem::take(&mut text),
                    "InternetMessageId" => message.message_id = std::mem::take(&mut text),
                    "TextBody" => message.body = std::mem::take(&mut text),
                    "Size" => message.size = text.parse().unwrap(),
                    "HasAttachments" => message.has_attachments = text == "true",
                    "IsRead" => message.is_read = text == "true",
                    "Message" => messages.push(std::mem::take(&mut message)),
                    _ => {}
                }
                text.clear();
            }
            _ => {}
        }
    }
}

impl Message {
    /// So that no field is made for nothing.
    pub(crate) fn len(&self) -> usize {
        let texts = [
            &self.id,
            &self.change_key,
            &self.folder,
            &self.subject,
            &self.received,
            &self.sender,
            &self.address,
            &self.message_id,
            &self.body,
        ];
        let facts = usize::from(self.has_attachments) + usize::from(self.is_read);
        texts.iter().map(|text| text.len()).sum::<usize>() + facts + usize::from(self.size > 0)
    }
}
