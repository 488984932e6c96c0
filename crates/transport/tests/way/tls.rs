//! TLS: what is trusted, which versions, client certificates, and how failures read.

use std::sync::Arc;

use portcullis_transport::{ClientCertificate, Error, Kind, Secret, Stage, TlsVersion};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{
    Authority, Issued, accept, builder, config, config_for, encrypted, origin, plain, post, say, send,
};

async fn serve(config: rustls::ServerConfig) -> String {
    let (at, _) = encrypted(config, |_| say("200 OK", "", b"here")).await;
    format!("https://localhost:{}/", at.port())
}

async fn failure(url: &str, authority: &Authority) -> Error {
    let client = builder().root_certificates(authority.pem.clone()).build().unwrap();
    let error = send(&client, post(url, "<body/>")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Tls, "{error}");
    assert!(!error.may_have_left() && error.to_string().contains("localhost"), "{error}");
    let reach = client.reach(&origin(url)).await;
    assert_eq!(reach.steps.last().unwrap().stage, Stage::Tls);
    assert_eq!(reach.failed.as_ref().map(ToString::to_string), Some(error.to_string()));
    error
}

#[tokio::test]
async fn versions_are_spoken_as_configured() {
    let authority = Authority::new();
    let issued = authority.issue("localhost", |_| ());
    let (old, new) = (serve(config(&issued, &[&TLS12])).await, serve(config(&issued, &[&TLS13])).await);
    let with = |least, most| {
        builder().root_certificates(authority.pem.clone()).tls_versions(least, most).build().unwrap()
    };
    let (v12, v13) = (TlsVersion::Tls12, TlsVersion::Tls13);
    for (least, most, at_old, at_new) in
        [(v12, v13, true, true), (v13, v13, false, true), (v12, v12, true, false)]
    {
        let client = with(least, most);
        for (url, works, version) in [(&old, at_old, "1.2"), (&new, at_new, "1.3")] {
            let result = send(&client, post(url, "")).await;
            assert_eq!(result.is_ok(), works, "{least} to {most} at {version}: {result:?}");
            match client.reach(&origin(url)).await.tls {
                Some(tls) => assert_eq!(tls.version, version),
                None => assert!(result.unwrap_err().to_string().contains("versions of TLS"), "{version}"),
            }
        }
    }
    let error = builder().tls_versions(v13, v12).build().unwrap_err();
    assert!(error.kind() == Kind::Setup && error.to_string().contains("exchange the two"), "{error}");
}

#[test]
fn old_versions_are_refused_with_advice() {
    for (text, version) in
        [("1.2", TlsVersion::Tls12), ("TLSv1.3", TlsVersion::Tls13), ("tls 1.2", TlsVersion::Tls12)]
    {
        assert_eq!(text.parse::<TlsVersion>().unwrap(), version, "{text}");
    }
    for text in ["1.0", "TLS1.1", "SSL3", "sslv3"] {
        let error = text.parse::<TlsVersion>().unwrap_err();
        assert!(error.to_string().contains("switched on there (SChannel)"), "{error}");
    }
    assert!("9".parse::<TlsVersion>().unwrap_err().to_string().contains("1.2 or 1.3"));
}

#[tokio::test]
async fn a_server_that_knows_only_old_versions_is_told_from_others() {
    // An alert "protocol version", and a server that just hangs up.
    for answer in [b"\x15\x03\x01\0\x02\x02\x46".as_slice(), b""] {
        let at = accept(
            Arc::default(),
            Arc::new(move |mut io, _| {
                Box::pin(async move {
                    let mut hello = [0; 4096];
                    let _ = io.read(&mut hello).await;
                    let _ = io.write_all(answer).await;
                })
            }),
        )
        .await;
        let error = failure(&format!("https://localhost:{}/", at.port()), &Authority::new()).await;
        assert!(error.to_string().contains("1.2 is switched on there"), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_trusted_is_named_with_reason_and_remedy() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let strange = serve(config(&theirs.issue("localhost", |_| ()), rustls::ALL_VERSIONS)).await;
    let error = failure(&strange, &ours).await;
    assert!(error.to_string().contains("add the authority's certificate"), "{error}");

    let other = serve(config(&ours.issue("mail.corp.example", |_| ()), rustls::ALL_VERSIONS)).await;
    let error = failure(&other, &ours).await;
    assert!(error.to_string().contains("not for localhost but for"), "{error}");
    assert!(error.to_string().contains("mail.corp.example"), "{error}");

    let expired = ours.issue("localhost", |parameters| {
        parameters.not_before = rcgen::date_time_ymd(2019, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2020, 2, 3);
    });
    let error = failure(&serve(config(&expired, rustls::ALL_VERSIONS)).await, &ours).await;
    assert!(
        error.to_string().contains("expired on 2020-02-03") && error.to_string().contains("renew"),
        "{error}"
    );

    let early = ours.issue("localhost", |parameters| {
        parameters.not_before = rcgen::date_time_ymd(2090, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2091, 1, 1);
    });
    let error = failure(&serve(config(&early, rustls::ALL_VERSIONS)).await, &ours).await;
    assert!(error.to_string().contains("2090-01-01") && error.to_string().contains("clock"), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_a_bad_certificate() {
    let (at, seen) = plain(|_| say("400 Bad", "", b"")).await;
    let error = {
        let client = builder().build().unwrap();
        // It waits for the end of a head that never comes; bytes that are no TLS come from the next server.
        let at = accept(
            Arc::default(),
            Arc::new(|mut io, _| {
                Box::pin(async move {
                    let mut hello = [0; 4096];
                    let _ = io.read(&mut hello).await;
                    let _ = io.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
                })
            }),
        )
        .await;
        send(&client, post(&format!("https://localhost:{}/", at.port()), "<body/>")).await.unwrap_err()
    };
    assert!(error.kind() == Kind::Tls && error.to_string().contains("does not speak TLS"), "{error}");
    let client = builder().connect_timeout(std::time::Duration::from_millis(300)).build().unwrap();
    let error =
        send(&client, post(&format!("https://localhost:{}/", at.port()), "<body/>")).await.unwrap_err();
    assert!(error.kind() == Kind::Tls && error.to_string().contains("no answer within"), "{error}");
    assert!(seen.asked().is_empty());
}

fn pem(issued: &Issued) -> Vec<u8> {
    format!("{}{}", issued.certificate.pem(), issued.key.serialize_pem()).into_bytes()
}

/// Files made by OpenSSL 3, with its own ways and with those that Windows used to have; `svc`, and the authority
/// in `ca.pem`, until 2126. The password is `pfx-horse`.
const PFX: [&[u8]; 2] = [include_bytes!("pfx/modern.pfx"), include_bytes!("pfx/legacy.pfx")];

#[tokio::test]
async fn a_client_certificate_is_shown_from_pem_and_from_pfx() {
    let authority = Authority::new();
    let issued = authority.issue("localhost", |_| ());
    let own = authority.issue("svc", |_| ());
    let mut cases = vec![(authority.pem.clone(), ClientCertificate::pem(&pem(&own)).unwrap())];
    for file in PFX {
        let certificate = ClientCertificate::pfx(file, &Secret::new("pfx-horse")).unwrap();
        cases.push((include_bytes!("pfx/ca.pem").to_vec(), certificate));
    }
    for (trusted, certificate) in cases {
        let url = serve(config_for(&issued, &trusted)).await;
        assert_eq!(format!("{certificate:?}"), "ClientCertificate(…)");
        let with = builder()
            .root_certificates(authority.pem.clone())
            .client_certificate(certificate)
            .build()
            .unwrap();
        assert_eq!(send(&with, post(&url, "")).await.unwrap().1, "here");
        let without = builder().root_certificates(authority.pem.clone()).build().unwrap();
        let error = send(&without, post(&url, "")).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Tls, "{error}");
        assert!(error.to_string().contains("wants one and got none") && !error.may_have_left(), "{error}");
        let reach = without.reach(&origin(&url)).await;
        assert_eq!(reach.failed.map(|why| why.to_string()), Some(error.to_string()));
        assert!(with.reach(&origin(&url)).await.failed.is_none());
    }
}

#[test]
fn a_client_certificate_that_cannot_be_used_says_why() {
    let authority = Authority::new();
    let own = authority.issue("svc", |_| ());
    let wrong = |result: Result<ClientCertificate, Error>| result.unwrap_err().to_string();
    let other = Secret::new("other-horse");
    let words = wrong(ClientCertificate::pfx(PFX[0], &other));
    assert!(words.contains("password of the PFX file is wrong") && !words.contains("horse"), "{words}");
    assert!(wrong(ClientCertificate::pfx(b"no pfx", &other)).contains("cannot be read"));
    assert!(wrong(ClientCertificate::pem(b"nothing")).contains("no CERTIFICATE block"));
    assert!(wrong(ClientCertificate::pem(own.certificate.pem().as_bytes())).contains("no key"));
    let locked = format!(
        "{}-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        own.certificate.pem()
    );
    assert!(wrong(ClientCertificate::pem(locked.as_bytes())).contains("has a password"));
    let strange = format!("{}{}", own.certificate.pem(), authority.issue("x", |_| ()).key.serialize_pem());
    let built = ClientCertificate::pem(strange.as_bytes())
        .and_then(|certificate| builder().client_certificate(certificate).build().map(|_| ()));
    assert_eq!(built.unwrap_err().kind(), Kind::Setup, "the key of another certificate");
}
