//! A client small enough to be seen through: one request per connection, text in, text out.
#![allow(dead_code, reason = "each test binary uses its part")]

use portcullis_exchange_sim::{Config, Organisation, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) const USER: &str = "svc@corp.example";
pub(crate) const ALICE: &str = "alice@corp.example";

/// An answer: status line and headers as text, and the body.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// Every value of an attribute of an element.
    pub(crate) fn attributes(&self, element: &str, name: &str) -> Vec<String> {
        let tag = |text: &str| {
            let tag = &text[..text.find('>')?];
            let value = tag.split(&format!(" {name}=\"")).nth(1)?;
            Some(value.split('"').next()?.to_owned())
        };
        self.body.split(&format!("<{element}")).skip(1).filter_map(tag).collect()
    }

    /// The response codes in order.
    pub(crate) fn codes(&self) -> Vec<&str> {
        self.body
            .split("ResponseCode")
            .skip(1)
            .step_by(2)
            .filter_map(|t| t.split(['>', '<']).nth(1))
            .collect()
    }
}

pub(crate) async fn start(organisation: &Organisation) -> Server {
    Server::start(organisation.clone(), Config::local(USER, "secret")).await.unwrap()
}

/// Sends raw text and reads until the server closes; `None` if there was no answer at all.
pub(crate) async fn raw(server: &Server, request: &str) -> Option<Answer> {
    let address = server.base_url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(request.as_bytes()).await;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some(Answer { head: head.to_owned(), body: body.to_owned() })
}

/// A request with log-in (`svc@corp.example:secret`).
pub(crate) async fn send(server: &Server, method: &str, path: &str, body: &str) -> Option<Answer> {
    let length = body.len();
    raw(
        server,
        &format!(
            "{method} {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nAuthorization: Basic c3ZjQGNvcnAuZXhhbXBsZTpzZWNyZXQ=\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
    .await
}

/// An operation, by its element.
pub(crate) async fn call(server: &Server, operation: &str) -> Option<Answer> {
    call_as(server, None, operation).await
}

/// An operation in the name of a mailbox.
pub(crate) async fn call_as(server: &Server, mailbox: Option<&str>, operation: &str) -> Option<Answer> {
    send(server, "POST", "/EWS/Exchange.asmx", &envelope(mailbox, operation)).await
}

/// An operation in its envelope.
pub(crate) fn envelope(mailbox: Option<&str>, operation: &str) -> String {
    let header = mailbox.map_or_else(String::new, |mailbox| {
        format!("<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>{mailbox}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>")
    });
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Header><t:RequestServerVersion Version=\"Exchange2013\"/>{header}</s:Header><s:Body>{operation}</s:Body></s:Envelope>"
    )
}

/// FindItem in a well-known folder of Alice.
pub(crate) fn find(folder: &str, rest: &str) -> String {
    format!(
        "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>{rest}<m:ParentFolderIds><t:DistinguishedFolderId Id=\"{folder}\"><t:Mailbox><t:EmailAddress>{ALICE}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:ParentFolderIds></m:FindItem>"
    )
}

pub(crate) fn ids(ids: &[&str]) -> String {
    let ids: String = ids.iter().map(|id| format!("<t:ItemId Id=\"{id}\"/>")).collect();
    format!("<m:ItemIds>{ids}</m:ItemIds>")
}

pub(crate) fn delete(kind: &str, items: &[&str]) -> String {
    format!("<m:DeleteItem DeleteType=\"{kind}\">{}</m:DeleteItem>", ids(items))
}
