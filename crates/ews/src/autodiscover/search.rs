//! The search: place after place, redirects within their number, and what was seen on the way.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use exchange::{Error, ErrorKind, Mailbox};
use http::{HeaderMap, Request, StatusCode, Uri, header};
use tower_service::Service;

use super::cache::Cache;
use super::order::{Face, Place, base, faces, places};
use super::records::{self, ServiceRecords};
use super::settings::{Attempt, AutodiscoverConfig, Discovered, Said, Settings};
use super::trust::{domain, is_https, is_safe, may_log_in};
use super::{json, pox, soap};
use crate::code::shown;
use crate::failure::Failure;
use crate::http::{Exchange, Over, Sent, Source};
use crate::request_id::{RequestId, RequestIds};
use crate::xml::{Pull, Reader};

/// How many attempts a message lists.
const LISTED: usize = 12;

/// Looks for the EWS of an address. Clones share what they remember.
#[derive(Clone)]
pub struct Autodiscover {
    inner: Arc<Inner>,
    records: Option<Arc<dyn ServiceRecords>>,
}

struct Inner {
    login: Box<dyn Exchange>,
    anonymous: Box<dyn Exchange>,
    config: AutodiscoverConfig,
    cache: Cache,
    ids: RequestIds,
}

/// One search.
struct Search {
    first: Mailbox,
    hops: usize,
    redirects: Vec<String>,
    attempts: Vec<Attempt>,
    schemes: BTreeSet<String>,
    seen: BTreeSet<(Place, String)>,
    refused: bool,
}

impl Autodiscover {
    /// A search over two services: `login` sends the log-in along and is given only addresses that
    /// [`AutodiscoverConfig::login_origins`] names; `anonymous` sends none. Neither may follow redirects.
    pub fn new<S, B>(login: S, anonymous: S, config: AutodiscoverConfig) -> Self
    where
        S: Service<Request<Bytes>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: std::error::Error + Send + Sync + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let over = |service| Box::new(Over { service, sent: |_: &S::Error| Sent::Perhaps });
        let (login, anonymous) = (over(login), over(anonymous));
        let inner = Inner { login, anonymous, config, cache: Cache::default(), ids: RequestIds::new(None) };
        Autodiscover { inner: Arc::new(inner), records: None }
    }

    /// The same, and where nobody answers the records of the domain are looked up.
    #[must_use]
    pub fn with_records(self, records: Arc<dyn ServiceRecords>) -> Self {
        Autodiscover { records: Some(records), ..self }
    }

    /// Where the EWS of this address is.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] where servers were found and none accepted the log-in, else
    /// [`ErrorKind::NotFound`]; the message lists what was tried.
    pub async fn discover(&self, address: &Mailbox) -> Result<Discovered, Error> {
        let config = &self.inner.config;
        let mut search = Search {
            first: address.clone(),
            hops: 0,
            redirects: Vec::new(),
            attempts: Vec::new(),
            schemes: BTreeSet::new(),
            seen: BTreeSet::new(),
            refused: false,
        };
        let mut about = address.clone();
        'address: loop {
            let mut queue = places(config, &about);
            let remembered = self.inner.cache.get(domain(&about), config.lifetime);
            // The JSON's place has the address in it, so it is asked in its turn.
            let remembered = remembered.filter(|place| place.face != Face::Json);
            if let Some(place) = &remembered {
                queue.push_front(place.clone());
            }
            let mut records = self.records.as_ref();
            loop {
                let Some(place) = queue.pop_front() else {
                    let Some(records) = records.take() else { break };
                    let (places, looked) = records::places(records, config, domain(&about)).await;
                    search.attempts.push(looked);
                    queue.extend(places);
                    continue;
                };
                if !search.seen.insert((place.clone(), about.as_str().to_lowercase())) {
                    continue;
                }
                match self.ask(&mut search, &place, &about).await {
                    Said::Settings(settings) => match self.found(&search, &place, &about, *settings) {
                        Ok(mut found) => {
                            found.remembered = remembered.as_ref() == Some(&place);
                            self.inner.cache.put(domain(&about), place);
                            return Ok(found);
                        }
                        Err(words) => search.note(&place.url, None, words),
                    },
                    Said::Address(next) => {
                        let Some(next) = Mailbox::new(&next) else {
                            search.note(
                                &place.url,
                                None,
                                "it redirects to something that is no address".to_owned(),
                            );
                            continue;
                        };
                        search.hop(config, next.as_str())?;
                        about = next;
                        continue 'address;
                    }
                    Said::Url(url) => {
                        search.hop(config, &url)?;
                        if place.face == Face::Redirect {
                            let Some(server) = url.parse().ok().as_ref().and_then(base) else { continue };
                            let mut there = std::collections::VecDeque::new();
                            faces(config, &mut there, &server);
                            there.into_iter().rev().for_each(|place| queue.push_front(place));
                        } else {
                            queue.push_front(Place { face: place.face, url });
                        }
                    }
                    Said::Nothing(_) if remembered.as_ref() == Some(&place) => {
                        self.inner.cache.forget(domain(&about));
                        search.seen.remove(&(place, about.as_str().to_lowercase()));
                    }
                    Said::Nothing(_) => {}
                }
            }
            return Err(search.nothing());
        }
    }

    /// Asks one place, and writes down what came of it.
    async fn ask(&self, search: &mut Search, place: &Place, about: &Mailbox) -> Said {
        let (status, said) = match self.exchange(search, place, about).await {
            Ok((status, said)) => (Some(status.as_u16()), said),
            Err(words) => (None, Said::Nothing(words)),
        };
        let outcome = match &said {
            Said::Settings(_) => "it answered".to_owned(),
            Said::Address(to) | Said::Url(to) => format!("it redirects to {}", shown(to, 200)),
            Said::Nothing(words) => words.clone(),
        };
        search.note(&place.url, status, outcome);
        said
    }

    async fn exchange(
        &self,
        search: &mut Search,
        place: &Place,
        about: &Mailbox,
    ) -> Result<(StatusCode, Said), String> {
        let url: Uri = place.url.parse().map_err(|_| "this is no URL".to_owned())?;
        let with_login = matches!(place.face, Face::Soap | Face::Pox);
        if with_login && !may_log_in(&self.inner.config, &search.first, &url) {
            let host = shown(url.host().unwrap_or_default(), 200);
            return Err(format!(
                "not asked: {host} is not trusted with the log-in; add it to the trusted hosts if it is yours"
            ));
        }
        if place.face == Face::Json && !is_safe(&url) {
            return Err("not asked: it is not over HTTPS".to_owned());
        }
        let id = self.inner.ids.next();
        let request = request(place, url, about, id)?;
        let service = if with_login { &self.inner.login } else { &self.inner.anonymous };
        let answer = service.send(request).await.map_err(words)?;
        let (parts, body) = answer.into_parts();
        let said = if parts.status.is_redirection() {
            redirect(&parts.headers)
        } else if parts.status == StatusCode::UNAUTHORIZED {
            search.refused = true;
            search.schemes.extend(schemes(&parts.headers));
            Said::Nothing("it refuses the log-in".to_owned())
        } else if !parts.status.is_success() || place.face == Face::Redirect {
            Said::Nothing(format!("HTTP {}", parts.status.as_u16()))
        } else {
            let source = Source::begin(parts.status, body).await.map_err(words)?;
            self.read(place.face, source, id).await.map_err(words)?
        };
        Ok((parts.status, said))
    }

    async fn read(&self, face: Face, mut source: Source, id: RequestId) -> Result<Said, Failure> {
        let limit = self.inner.config.max_answer;
        match face {
            Face::Soap => soap::read(&mut Reader::new(source, limit, id)).await,
            Face::Pox => pox::read(&mut Reader::new(source, limit, id)).await,
            Face::Json | Face::Redirect => {
                let mut body = Vec::new();
                while let Some(piece) = source.pull().await? {
                    body.extend_from_slice(&piece);
                    if body.len() as u64 > limit {
                        return Ok(Said::Nothing("the answer is too long".to_owned()));
                    }
                }
                Ok(json::read(&body))
            }
        }
    }

    /// What is given out; words where the answer cannot be used.
    fn found(
        &self,
        search: &Search,
        place: &Place,
        about: &Mailbox,
        settings: Settings,
    ) -> Result<Discovered, String> {
        let url = |text: &str| text.parse::<Uri>().ok().filter(|url| url.host().is_some() && is_safe(url));
        let (external, internal) = (url(&settings.external_url), url(&settings.internal_url));
        let ews_url = external.or_else(|| internal.clone());
        let ews_url = ews_url.ok_or("it names an address of EWS that is not over HTTPS")?;
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(Discovered {
            internal_ews_url: internal.filter(|internal| *internal != ews_url),
            is_trusted: may_log_in(&self.inner.config, &search.first, &ews_url),
            ews_url,
            method: place.face.method(),
            remembered: false,
            address: about.clone(),
            display_name: some(settings.display_name),
            server_version: some(settings.server_version),
            schemas: settings.schemas,
            auth_schemes: search.schemes.iter().cloned().collect(),
            grouping_information: some(settings.grouping),
            public_folder_mailbox: some(settings.public_folders),
            alternate_mailboxes: settings.alternates,
            redirects: search.redirects.clone(),
            attempts: search.attempts.clone(),
        })
    }
}

impl std::fmt::Debug for Autodiscover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Autodiscover").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

impl Search {
    fn note(&mut self, url: &str, status: Option<u16>, outcome: String) {
        self.attempts.push(Attempt { url: shown(url, 300), status, outcome });
    }

    /// Counts a redirect.
    fn hop(&mut self, config: &AutodiscoverConfig, to: &str) -> Result<(), Error> {
        self.redirects.push(shown(to, 300));
        self.hops += 1;
        if self.hops <= config.hops {
            return Ok(());
        }
        let text = format!(
            "Autodiscover for {}: more than {} redirects, the last to {}; name the server in the configuration",
            self.first,
            config.hops,
            shown(to, 200)
        );
        Err(Error::new(ErrorKind::Invalid, text))
    }

    /// Nobody answered.
    fn nothing(self) -> Error {
        let kind = if self.refused { ErrorKind::PermissionDenied } else { ErrorKind::NotFound };
        let mut text = format!("Autodiscover found no server for {}", self.first);
        for attempt in self.attempts.iter().take(LISTED) {
            text.push_str(&format!("; {}: {}", attempt.url, attempt.outcome));
        }
        if self.refused {
            let offered: Vec<&str> = self.schemes.iter().map(String::as_str).collect();
            text.push_str(&format!("; log-ins offered: {}", offered.join(", ")));
        }
        text.push_str("; check the address, or put the `url` of EWS into the connection");
        Error::new(kind, text)
    }
}

fn request(place: &Place, url: Uri, about: &Mailbox, id: RequestId) -> Result<Request<Bytes>, String> {
    let body = match place.face {
        Face::Soap => soap::request(about, &place.url).map_err(|error| error.message)?,
        Face::Pox => pox::request(about).map_err(|error| error.message)?,
        Face::Json | Face::Redirect => String::new(),
    };
    let (method, accept) = match place.face {
        Face::Soap | Face::Pox => (http::Method::POST, "text/xml"),
        Face::Json => (http::Method::GET, "application/json"),
        Face::Redirect => (http::Method::GET, "*/*"),
    };
    let mut request = Request::builder()
        .method(method)
        .uri(url)
        .header(header::ACCEPT, accept)
        .header(header::USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")));
    if matches!(place.face, Face::Soap | Face::Pox) {
        request = request
            .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
            .header("client-request-id", id.to_string())
            .header("return-client-request-id", "true")
            .header("X-AnchorMailbox", about.as_str());
    }
    request.body(Bytes::from(body)).map_err(|_| "the address cannot be put into a request".to_owned())
}

/// Only to HTTPS, or to this machine.
fn redirect(headers: &HeaderMap) -> Said {
    let target = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match target.parse::<Uri>() {
        Ok(url) if url.host().is_some() && (is_https(&url) || is_safe(&url)) => Said::Url(target.to_owned()),
        _ => Said::Nothing("it redirects to something that is not an address over HTTPS".to_owned()),
    }
}

/// The ways of logging in that a server offers.
fn schemes(headers: &HeaderMap) -> Vec<String> {
    let offered = headers.get_all(header::WWW_AUTHENTICATE).iter();
    let words = offered.filter_map(|value| value.to_str().ok()?.split_whitespace().next());
    words.map(|word| shown(word.trim_end_matches(','), 40)).collect()
}

fn words(failure: Failure) -> String {
    match failure {
        Failure::Said(error) => error.message,
        Failure::NotSent(words) | Failure::NoLogIn(words) | Failure::Lost(words) => shown(&words, 300),
        Failure::Malformed(malformed) => format!("the answer cannot be used: {malformed}"),
        Failure::Sink(error) => error.to_string(),
    }
}
