//! Proxies of every kind, and who hears which secret.

use std::sync::{Arc, Mutex};

use portcullis_transport::{Credentials, Kind, Proxy, ProxyKind, Secret, Stage};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::ntlm::{ACCOUNT, Gatekeeper};
use crate::world::{
    Asked, Authority, Reply, Then, accept, builder, config, encrypted, origin, plain, post, say, send,
};

const AT_PROXY: &str = "Basic cHVzZXI6cHJveHktaG9yc2U=";

/// Everything that a proxy was told before it became a tunnel, and where the tunnels went.
#[derive(Clone, Default)]
struct Told {
    bytes: Arc<Mutex<Vec<Vec<u8>>>>,
    opened: Arc<std::sync::atomic::AtomicUsize>,
}

impl Told {
    fn all(&self) -> Vec<Vec<u8>> {
        self.bytes.lock().unwrap().clone()
    }

    fn text(&self) -> String {
        self.all().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

/// Joins a client with whatever is at `port` of this machine.
async fn join<T: AsyncRead + AsyncWrite + Unpin>(mut io: T, port: u16) {
    let mut there = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let _ = copy_bidirectional(&mut io, &mut there).await;
}

/// Reads a head of HTTP, answers as `reply` says, and becomes a tunnel after a 200. Names lead to this machine.
async fn http<T>(mut io: T, connection: usize, told: Told, reply: Reply)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    for turn in 0.. {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if io.read(&mut byte).await.unwrap_or(0) == 0 {
                return;
            }
            head.push(byte[0]);
        }
        told.bytes.lock().unwrap().push(head.clone());
        let asked = Asked { head: String::from_utf8(head).unwrap(), body: Vec::new(), connection, turn };
        let (Then::Say(bytes) | Then::After(_, bytes) | Then::Last(bytes)) = reply(&asked);
        io.write_all(&bytes).await.unwrap();
        io.flush().await.unwrap();
        if bytes.starts_with(b"HTTP/1.1 200") {
            let target = asked.head.split(' ').nth(1).unwrap();
            return join(io, target.rsplit(':').next().unwrap().parse().unwrap()).await;
        }
    }
}

fn open() -> Then {
    Then::Say(b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec())
}

async fn http_proxy(reply: impl Fn(&Asked) -> Then + Send + Sync + 'static) -> (u16, Told) {
    let told = Told::default();
    let (theirs, reply): (_, Reply) = (told.clone(), Arc::new(reply));
    let at = accept(
        Arc::clone(&told.opened),
        Arc::new(move |io, connection| Box::pin(http(io, connection, theirs.clone(), Arc::clone(&reply)))),
    )
    .await;
    (at.port(), told)
}

/// What to read, and what to answer.
type Script = &'static [(usize, &'static [u8])];

/// A proxy that reads fixed lengths, as SOCKS is made. The script says what to read and what to answer; what
/// the last read ends with is the port.
async fn socks_proxy(script: Script) -> (u16, Told) {
    let told = Told::default();
    let theirs = told.clone();
    let at = accept(
        Arc::clone(&told.opened),
        Arc::new(move |mut io, _| {
            let told = theirs.clone();
            Box::pin(async move {
                for (length, answer) in script {
                    let mut bytes = vec![0; *length];
                    if io.read_exact(&mut bytes).await.is_err() {
                        return;
                    }
                    told.bytes.lock().unwrap().push(bytes);
                    io.write_all(answer).await.unwrap();
                }
                let all = told.all();
                let last = all.last().unwrap();
                let five = last[0] == 5;
                let port = if five { &last[last.len() - 2..] } else { &last[2..4] };
                join(io, u16::from_be_bytes(port.try_into().unwrap())).await;
            })
        }),
    )
    .await;
    (at.port(), told)
}

struct Server {
    url: String,
    pem: Vec<u8>,
    seen: crate::world::Seen,
}

/// A server with TLS that is called `name`.
async fn server(name: &str) -> Server {
    let authority = Authority::new();
    let issued = authority.issue(name, |_| ());
    let (at, seen) = encrypted(config(&issued, rustls::ALL_VERSIONS), |_| say("200 OK", "", b"here")).await;
    Server { url: format!("https://{name}:{}/", at.port()), pem: authority.pem, seen }
}

async fn through(server: &Server, proxy: Proxy) -> Result<(u16, bytes::Bytes), portcullis_transport::Error> {
    let credentials = Credentials::basic("svc", Secret::new("s3cret-horse"));
    let client = builder()
        .proxy(proxy)
        .root_certificates(server.pem.clone())
        .credentials(origin(&server.url), credentials)
        .build()?;
    send(&client, post(&server.url, "<body/>")).await
}

fn proxy(kind: ProxyKind, port: u16) -> Proxy {
    Proxy::new(kind, "127.0.0.1", port)
}

fn with_login(kind: ProxyKind, port: u16) -> Proxy {
    proxy(kind, port).login("puser", Secret::new("proxy-horse"), None)
}

#[tokio::test]
async fn connect_shows_each_side_its_own_secret_only() {
    let server = server("mail.corp.example").await;
    let (port, told) = http_proxy(|asked| {
        if asked.header("proxy-authorization").as_deref() == Some(AT_PROXY) {
            return open();
        }
        say("407 No", "Proxy-Authenticate: Basic realm=\"p\"\r\n", b"no")
    })
    .await;
    let answer = through(&server, with_login(ProxyKind::Http, port)).await.unwrap();
    assert_eq!(answer.1, "here");
    let at_proxy = told.text().to_lowercase();
    assert!(at_proxy.starts_with("connect mail.corp.example:"), "{at_proxy}");
    assert!(!at_proxy.contains("\r\nauthorization") && !at_proxy.contains("<body/>"), "{at_proxy}");
    let at_server = format!("{:?}", server.seen.asked()).to_lowercase();
    assert!(at_server.contains("authorization: basic") && !at_server.contains("proxy-"), "{at_server}");

    let error = through(&server, proxy(ProxyKind::Http, port)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Proxy, "{error}");
    assert!(error.to_string().contains("user and a password") && !error.may_have_left(), "{error}");
    let wrong = proxy(ProxyKind::Http, port).login("puser", Secret::new("other-horse"), None);
    let error = through(&server, wrong).await.unwrap_err();
    assert!(
        error.to_string().contains("refused the log-in") && !error.to_string().contains("horse"),
        "{error}"
    );
}

#[tokio::test]
async fn a_caller_cannot_put_secrets_into_the_request_to_a_proxy() {
    let (at, seen) = plain(|_| say("200 OK", "", b"")).await;
    let client = builder().build().unwrap();
    let mut request = post(&format!("http://{at}/"), "<body/>");
    request.headers_mut().insert("proxy-authorization", "Basic abc".parse().unwrap());
    send(&client, request).await.unwrap();
    assert_eq!(seen.asked()[0].header("proxy-authorization"), None);
}

#[tokio::test]
async fn what_a_proxy_says_is_told_with_what_to_do() {
    let server = server("mail.corp.example").await;
    for (status, words) in
        [("403 Forbidden", "rules"), ("502 Bad Gateway", "could not reach"), ("418 Tea", "HTTP proxy")]
    {
        let (port, _) = http_proxy(move |_| say(status, "", b"")).await;
        let error = through(&server, proxy(ProxyKind::Http, port)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Proxy, "{error}");
        assert!(
            error.to_string().contains(words) && error.to_string().contains("mail.corp.example"),
            "{error}"
        );
    }
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = through(&server, proxy(ProxyKind::Http, gone)).await.unwrap_err();
    assert!(error.kind() == Kind::Proxy && error.to_string().contains("itself cannot be reached"), "{error}");
}

#[tokio::test]
async fn the_way_to_a_proxy_can_be_encrypted_itself() {
    let authority = Authority::new();
    let acceptor =
        TlsAcceptor::from(Arc::new(config(&authority.issue("localhost", |_| ()), rustls::ALL_VERSIONS)));
    let told = Told::default();
    let theirs = told.clone();
    let at = accept(
        Arc::clone(&told.opened),
        Arc::new(move |io, connection| {
            let (acceptor, told) = (acceptor.clone(), theirs.clone());
            Box::pin(async move {
                if let Ok(io) = acceptor.accept(io).await {
                    http(io, connection, told, Arc::new(|_| open())).await;
                }
            })
        }),
    )
    .await;
    let server = server("mail.corp.example").await;
    let both = [server.pem.clone(), authority.pem].concat();
    let proxy = Proxy::new(ProxyKind::Https, "localhost", at.port());
    let trusting = Server { pem: both, ..server };
    assert_eq!(through(&trusting, proxy.clone()).await.unwrap().1, "here");
    assert!(told.text().starts_with("CONNECT mail.corp.example:"));
    let error = through(&self::server("mail.corp.example").await, proxy).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Proxy, "{error}");
    assert!(error.to_string().contains("authority") && error.to_string().contains("localhost"), "{error}");
}

#[tokio::test]
async fn socks_4_resolves_here_and_4a_does_not() {
    let here = server("localhost").await;
    let (port, told) = socks_proxy(&[(9 + 5, &[0, 90, 0, 0, 0, 0, 0, 0])]).await;
    assert_eq!(through(&here, with_login(ProxyKind::Socks4, port)).await.unwrap().1, "here");
    assert_eq!(told.all()[0][4..], *b"\x7f\0\0\x01puser\0", "an address and the user");

    let there = server("mail.corp.example").await;
    let (port, told) = socks_proxy(&[(9 + 18, &[0, 90, 0, 0, 0, 0, 0, 0])]).await;
    assert_eq!(through(&there, proxy(ProxyKind::Socks4a, port)).await.unwrap().1, "here");
    assert_eq!(told.all()[0][4..], *b"\0\0\0\x01\0mail.corp.example\0");

    let (port, _) = socks_proxy(&[(9 + 18, &[0, 91, 0, 0, 0, 0, 0, 0])]).await;
    let error = through(&there, proxy(ProxyKind::Socks4a, port)).await.unwrap_err();
    assert!(error.kind() == Kind::Proxy && error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn socks_5_resolves_here_and_5h_does_not_and_both_log_in() {
    let here = server("localhost").await;
    let (port, told) = socks_proxy(&[(3, &[5, 0]), (10, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])]).await;
    assert_eq!(through(&here, proxy(ProxyKind::Socks5, port)).await.unwrap().1, "here");
    assert_eq!(told.all()[1][..8], [5, 1, 0, 1, 127, 0, 0, 1]);

    let there = server("mail.corp.example").await;
    let (port, told) = socks_proxy(&[
        (4, &[5, 2]),
        (3 + 10 + 11, &[1, 0]),
        (5 + 17 + 2, &[5, 0, 0, 3, 4, b'h', b'o', b's', b't', 0, 80]),
    ])
    .await;
    let login = proxy(ProxyKind::Socks5h, port).login("puser", Secret::new("proxy-horse"), Some("CORP"));
    assert_eq!(through(&there, login).await.unwrap().1, "here");
    assert_eq!(told.all()[1], b"\x01\x0aCORP\\puser\x0bproxy-horse");
    assert_eq!(told.all()[2][..22], *b"\x05\x01\0\x03\x11mail.corp.example");
    let at_server = format!("{:?}", there.seen.asked());
    assert!(!at_server.contains("proxy-horse"));
}

#[tokio::test]
async fn what_socks_refuses_is_told() {
    let server = server("mail.corp.example").await;
    let cases: [(Script, &str); 5] = [
        (&[(3, &[5, 255])], "wants a log-in"),
        (&[(3, &[5, 0]), (24, &[5, 2, 0, 1])], "rules"),
        (&[(3, &[5, 0]), (24, &[5, 4, 0, 1])], "socks5 instead"),
        (&[(3, b"HT")], "not SOCKS 5"),
        (&[(3, b"")], "broke"),
    ];
    for (script, words) in cases {
        let (port, _) = socks_proxy(script).await;
        let error = tokio::time::timeout(
            std::time::Duration::from_secs(10),
            through(&server, proxy(ProxyKind::Socks5h, port)),
        )
        .await
        .unwrap()
        .unwrap_err();
        assert_eq!(error.kind(), Kind::Proxy, "{error}");
        assert!(!error.may_have_left());
        if words != "broke" {
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
    }
}

#[tokio::test]
async fn hosts_on_the_list_and_only_those_go_without() {
    let (at, seen) = plain(|_| say("200 OK", "", b"direct")).await;
    let (port, told) = http_proxy(|_| say("403 No", "", b"")).await;
    let client = builder().proxy(proxy(ProxyKind::Http, port).bypass(["127.0.0.0/8"])).build().unwrap();
    assert_eq!(send(&client, post(&format!("http://{at}/"), "")).await.unwrap().1, "direct");
    assert!(told.all().is_empty() && seen.asked().len() == 1);
    assert!(send(&client, post("https://mail.corp.example/", "")).await.is_err());
    assert_eq!(told.all().len(), 1);
}

#[tokio::test]
async fn a_log_in_at_the_server_goes_through_one_tunnel() {
    let gate = Gatekeeper::default();
    let theirs = gate.clone();
    let (at, seen) = plain(move |asked| match theirs.missing(asked, "authorization") {
        None => say("200 OK", "", b"welcome"),
        Some(value) => say("401 No", &format!("WWW-Authenticate: {value}\r\n"), b""),
    })
    .await;
    let (port, told) = http_proxy(|_| open()).await;
    let url = format!("http://{at}/");
    let credentials = Credentials::Ntlm {
        user: ACCOUNT.user.to_owned(),
        domain: Some(ACCOUNT.domain.to_owned()),
        password: Secret::new(ACCOUNT.password),
    };
    let client =
        builder().proxy(proxy(ProxyKind::Http, port)).credentials(origin(&url), credentials).build().unwrap();
    for _ in 0..3 {
        assert_eq!(send(&client, post(&url, "<body/>")).await.unwrap().0, 200);
    }
    assert_eq!((told.all().len(), seen.opened()), (1, 1), "{}", told.text());
    assert!(told.text().starts_with("CONNECT "), "nobody else shares it: {}", told.text());
}

#[tokio::test]
async fn a_proxy_with_a_domain_is_logged_in_to_by_ntlm_on_the_tunnel_itself() {
    let server = server("mail.corp.example").await;
    let gate = Gatekeeper::default();
    let theirs = gate.clone();
    let (port, told) = http_proxy(move |asked| match theirs.missing(asked, "proxy-authorization") {
        None => open(),
        Some(value) => say("407 No", &format!("Proxy-Authenticate: {value}\r\n"), b"<html/>"),
    })
    .await;
    let login = |password: &str| {
        proxy(ProxyKind::Http, port).login(ACCOUNT.user, Secret::new(password), Some(ACCOUNT.domain))
    };
    assert_eq!(through(&server, login(ACCOUNT.password)).await.unwrap().1, "here");
    assert_eq!(told.all().len(), 2);
    assert_eq!(told.opened.load(std::sync::atomic::Ordering::SeqCst), 1);
    let error = through(&server, login("other-horse")).await.unwrap_err();
    assert!(error.kind() == Kind::Proxy && error.to_string().contains("refused the log-in"), "{error}");
    assert_eq!(*gate.refusals.lock().unwrap(), ["wrong password"]);
}

#[tokio::test]
async fn a_check_tells_the_stages_apart() {
    let server = server("mail.corp.example").await;
    let (port, _) = http_proxy(|_| open()).await;
    let client =
        builder().proxy(proxy(ProxyKind::Http, port)).root_certificates(server.pem.clone()).build().unwrap();
    let reach = client.reach(&origin(&server.url)).await;
    let stages: Vec<Stage> = reach.steps.iter().map(|step| step.stage).collect();
    assert_eq!(stages, [Stage::Name, Stage::Tcp, Stage::Proxy, Stage::Tls], "{reach:?}");
    assert!(reach.failed.is_none(), "{reach:?}");
    let tls = reach.tls.unwrap();
    assert_eq!(tls.version, "1.3");
    assert!(tls.certificate.unwrap().subject.contains("mail.corp.example"));
    assert!(server.seen.asked().is_empty(), "nothing was asked");

    let (port, _) = http_proxy(|_| say("403 No", "", b"")).await;
    let client = builder().proxy(proxy(ProxyKind::Http, port)).build().unwrap();
    let reach = client.reach(&origin(&server.url)).await;
    assert_eq!(reach.steps.last().unwrap().stage, Stage::Proxy);
    assert_eq!(reach.failed.unwrap().kind(), Kind::Proxy);
}
