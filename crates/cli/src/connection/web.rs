//! Opens a connection over HTTP: where it leads, how it logs in, which addresses it may reach.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use http::HeaderName;
use transport::{Addresses, Bearer, Client, Credentials, NoToken, Origin, Secret, Token};
use web_actions::{Base, Kind, Settings, Web};

use super::open;
use crate::config::{Place, SecretRef, WebAuth, WebConnection};
use crate::exit::Wrong;

/// How long a call may take if nothing is said.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long connecting may take at most.
const CONNECT: Duration = Duration::from_secs(10);
/// How many requests are under way at a time if nothing is said.
const MAX_REQUESTS: usize = 10;
const MIB: u64 = 1 << 20;
/// The largest answer and the largest request, in MiB, if nothing is said.
const MAX_ANSWER: u32 = 32;
const MAX_REQUEST: u32 = 8;
/// What a service answers to a message, in MiB.
const MAX_WORDS: u32 = 1;

/// A token that stays the same.
struct Fixed(Secret);

impl Bearer for Fixed {
    fn token(&self) -> Token<'_> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn another<'a>(&'a self, _: &'a Secret, _: Option<&'a str>) -> Token<'a> {
        Box::pin(async {
            Err(NoToken::new(
                "the server refused the token of the connection (HTTP 401); put a new one where it is kept",
            ))
        })
    }
}

impl WebConnection {
    /// The connection as actions use it. Nothing is sent.
    pub(crate) fn web(&self, name: &str) -> Result<Web> {
        let base = self.base(name)?;
        let client = self.client(name, base.origin())?;
        let read = |what, secret: &SecretRef| secret.read_as(&whose(name), what).map(Secret::new);
        let signing_key = self.signing_key.as_ref().map(|key| read("signing key", key)).transpose()?;
        let query_key = match &self.auth {
            WebAuth::ApiKey(parameter, key) => Some((parameter.clone(), read("key", key)?)),
            _ => None,
        };
        let own_headers = match &self.auth {
            WebAuth::Header(name, _) => vec![name.clone()],
            _ => Vec::new(),
        };
        let mut secrets = Vec::new();
        for (what, secret) in self.secrets() {
            secrets.push(read(what, secret)?);
        }
        if let WebAuth::Basic(user, password) = &self.auth {
            // Both together are what goes into the header, in base64.
            secrets.push(Secret::new(format!("{user}:{}", read("password", password)?.reveal())));
        }
        Ok(Web::new(Settings {
            kind: self.kind,
            base,
            client,
            query_key,
            own_headers,
            signing_key,
            deduplicates: self.deduplicates,
            max_request: u64::from(self.max_request.unwrap_or(MAX_REQUEST)) * MIB,
            secrets,
        }))
    }

    /// Where the service is.
    pub(super) fn base(&self, name: &str) -> Result<Base> {
        match &self.place {
            Place::Base(base) => Ok(base.clone()),
            Place::Secret(secret) => {
                let address = secret.read_as(&whose(name), "address")?;
                Base::address(&address).map_err(|why| {
                    Wrong(format!("{}: its address cannot be used: {why}", whose(name))).into()
                })
            }
        }
    }

    /// The HTTP client, logged in at this origin and nowhere else.
    pub(super) fn client(&self, name: &str, origin: &Origin) -> Result<Client> {
        let timeout = self.timeout.unwrap_or(TIMEOUT);
        let most = if self.kind == Kind::Http { self.max_answer.unwrap_or(MAX_ANSWER) } else { MAX_WORDS };
        let mut addresses = Addresses::public();
        if self.allow_private {
            addresses = addresses.and_private();
        }
        for network in &self.networks {
            addresses = addresses.and(*network);
        }
        let builder = Client::builder()
            .deadline(timeout)
            .connect_timeout(timeout.min(CONNECT))
            .max_concurrent(self.max_requests.unwrap_or(MAX_REQUESTS))
            .max_body(u64::from(most) * MIB)
            .addresses(addresses);
        let mut builder = open::dressed(builder, name, &self.tls, &self.proxy, true)?;
        if let Some(credentials) = self.credentials(name)? {
            builder = builder.credentials(origin.clone(), credentials);
        }
        builder.build().with_context(|| format!("{} cannot be used", whose(name)))
    }

    fn credentials(&self, name: &str) -> Result<Option<Credentials>> {
        let read = |what, secret: &SecretRef| secret.read_as(&whose(name), what).map(Secret::new);
        Ok(match &self.auth {
            WebAuth::None | WebAuth::ApiKey(..) => None,
            WebAuth::Basic(user, password) => Some(Credentials::basic(user, read("password", password)?)),
            WebAuth::Bearer(token) => Some(Credentials::bearer(Arc::new(Fixed(read("token", token)?)))),
            WebAuth::Header(header, value) => Some(Credentials::Header {
                name: HeaderName::try_from(header.as_str())
                    .map_err(|_| Wrong(format!("{}: `{header}` is no name of a header", whose(name))))?,
                value: read("value of the header", value)?,
            }),
        })
    }

    /// Its secrets and what is a secret because of them: what each is for, and the text or why it cannot be read.
    pub(super) fn read_secrets(&self, name: &str) -> Vec<(&'static str, Result<String>)> {
        let mut all: Vec<(&'static str, Result<String>)> = Vec::new();
        for (what, secret) in self.secrets() {
            let text = secret.read_as(&whose(name), what);
            if let (Place::Secret(_), "address", Ok(address)) = (&self.place, what, &text) {
                // A server repeats the part of it that it was sent.
                let rest = address
                    .split_once("://")
                    .and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
                all.extend(
                    rest.filter(|rest| rest.len() > 1)
                        .map(|rest| ("path of the address", Ok(rest.to_owned()))),
                );
            }
            all.push((what, text));
        }
        all
    }

    /// Where it leads, for people.
    pub(crate) fn shown_place(&self) -> String {
        match &self.place {
            Place::Base(base) => base.whole(),
            Place::Secret(secret) => format!("a secret: {}", secret.place()),
        }
    }

    /// What is set, in the words of the file.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![("kind", self.kind.as_str().to_owned()), ("address", self.shown_place())];
        all.push(("log-in", self.auth.kind().to_owned()));
        match &self.auth {
            WebAuth::Basic(user, _) => all.push(("user", user.clone())),
            WebAuth::Header(name, _) => all.push(("header", name.clone())),
            WebAuth::ApiKey(parameter, _) => all.push(("parameter", parameter.clone())),
            WebAuth::None | WebAuth::Bearer(_) => {}
        }
        all.extend(self.auth.secret().map(|(what, secret)| (what, secret.place())));
        let networks: Vec<String> = self.networks.iter().map(ToString::to_string).collect();
        let reach = match (self.allow_private, networks.is_empty()) {
            (false, true) => "public addresses".to_owned(),
            (true, true) => "public and private addresses".to_owned(),
            (false, false) => format!("public addresses and {}", networks.join(", ")),
            (true, false) => format!("public and private addresses and {}", networks.join(", ")),
        };
        all.push(("reaches", reach));
        let optional = [
            ("signing_key", self.signing_key.as_ref().map(SecretRef::place)),
            ("deduplicates", self.deduplicates.then(|| "true".to_owned())),
            ("timeout", self.timeout.map(|limit| format!("{} s", limit.as_secs()))),
            ("max_requests", self.max_requests.map(|most| most.to_string())),
            ("max_answer_mib", self.max_answer.map(|most| most.to_string())),
            ("max_request_mib", self.max_request.map(|most| most.to_string())),
            ("tls", super::shown::tls(&self.tls)),
            ("proxy", super::shown::proxy(&self.proxy)),
        ];
        all.extend(optional.into_iter().filter_map(|(key, value)| Some((key, value?))));
        all
    }
}

fn whose(name: &str) -> String {
    format!("connection `{name}`")
}
