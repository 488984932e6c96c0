//! A request that does not leave because there is no log-in: nobody should try it again, and nobody should
//! take a change for made.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::sync::Arc;
use std::time::Duration;

use exchange::{ErrorKind, Mailbox};
use portcullis_ews::{Access, Config, EwsClient, Sent};
use transport::{Bearer, Client, Credentials, Error, Kind, NoToken, Origin, Secret, Token};

/// Has no token, for a while or until somebody does something.
struct NoTokens(Option<Duration>);

impl Bearer for NoTokens {
    fn token(&self) -> Token<'_> {
        let why = "the client secret has expired";
        let no = self.0.map_or_else(|| NoToken::new(why), |wait| NoToken::for_now(why, wait));
        Box::pin(async { Err(no) })
    }

    fn another<'a>(&'a self, _: &'a Secret, _: Option<&'a str>) -> Token<'a> {
        self.token()
    }
}

fn sent(error: &Error) -> Sent {
    match (error.kind(), error.retry_after()) {
        (Kind::LogIn, None) => Sent::NoLogIn,
        _ => error.may_have_left().into(),
    }
}

#[tokio::test]
async fn it_is_a_missing_permission_unless_it_passes_by_itself() {
    let url: http::Uri = "http://127.0.0.1:1/EWS/Exchange.asmx".parse().unwrap();
    let wait = Duration::from_secs(10);
    for (tokens, kind) in
        [(NoTokens(None), ErrorKind::PermissionDenied), (NoTokens(Some(wait)), ErrorKind::Transient)]
    {
        let credentials = Credentials::bearer(Arc::new(tokens));
        let client = Client::builder().credentials(Origin::of(&url).unwrap(), credentials).build().unwrap();
        let ews = EwsClient::new(client, Config::new(url.clone(), Access::Impersonation), sent);
        let replies = ews.ports().automatic_replies.unwrap();
        let error = replies.out_of_office(&Mailbox::new("a@corp.example").unwrap()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.to_string().contains("the client secret has expired"), "{error}");
    }
}
