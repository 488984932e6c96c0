//! NTLM: a proof for one connection, sealed or not, bare or in the envelope of Negotiate.

use super::*;

/// The first message, which says what the client can.
const FIRST: &[u8] =
    b"NTLMSSP\0\x01\0\0\0\x07\x82\x08\xa2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\0\0\0\0\x0f";

/// A client of NTLM version 2, written anew for this test.
struct Ntlm {
    stream: TcpStream,
    host: String,
}

impl Ntlm {
    async fn connect(server: &Server) -> Self {
        let host = server.base_url().replace("http://", "");
        Ntlm { stream: TcpStream::connect(&host).await.unwrap(), host }
    }

    /// One request on the connection; status, head and body.
    async fn send(&mut self, authorization: Option<&str>, body: &str) -> (u16, String, String) {
        let line = authorization.map(|a| format!("Authorization: {a}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: {}\r\n{line}Content-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0_usize) {
                    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                    return (status, head.to_owned(), body.to_owned());
                }
            }
            let mut space = [0; 4096];
            let read = self.stream.read(&mut space).await.unwrap();
            assert!(read > 0, "the server closed: {text}");
            bytes.extend(&space[..read]);
        }
    }

    async fn challenge(&mut self, scheme: &str) -> Vec<u8> {
        let first = STANDARD.encode(FIRST);
        let (status, head, _) = self.send(Some(&format!("{scheme} {first}")), "").await;
        assert_eq!(status, 401);
        let prefix = format!("www-authenticate: {} ", scheme.to_lowercase());
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&prefix)).unwrap();
        STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap()
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn md5_mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Md5>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// The third message to a challenge.
fn authenticate(challenge: &[u8], domain: &str, user: &str, password: &str) -> Vec<u8> {
    let nonce = &challenge[24..32];
    let length = usize::from(u16::from_le_bytes([challenge[40], challenge[41]]));
    let offset = usize::try_from(u32::from_le_bytes(challenge[44..48].try_into().unwrap())).unwrap();
    let information = &challenge[offset..offset + length];
    let key = md5_mac(&Md4::digest(utf16(password)), &[&utf16(&format!("{}{domain}", user.to_uppercase()))]);
    let about = [&[1, 1, 0, 0, 0, 0, 0, 0][..], &[7; 8], &[9; 8], &[0; 4], information, &[0; 4]].concat();
    let response = [md5_mac(&key, &[nonce, &about]), about].concat();
    let fields = [vec![0; 24], response, utf16(domain), utf16(user), vec![], vec![]];
    let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
    let mut at = 88;
    for field in &fields {
        let length = u16::try_from(field.len()).unwrap().to_le_bytes();
        message.extend([length, length].concat());
        message.extend(u32::try_from(at).unwrap().to_le_bytes());
        at += field.len();
    }
    message.extend([0x05, 0x82, 0x88, 0xa2, 10, 0, 0, 0, 0, 0, 0, 15]);
    message.resize(88, 0);
    message.extend(fields.concat());
    message
}

#[tokio::test]
async fn ntlm_is_proved_once_for_a_connection_and_for_no_other() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Ntlm]).await;
    let body = envelope(None, &find("inbox", ""));
    for (domain, user) in [("CORP", "alice"), ("", ALICE)] {
        let mut link = Ntlm::connect(&server).await;
        let (status, head, _) = link.send(None, &body).await;
        assert_eq!(
            (status, head.to_lowercase().contains("www-authenticate: ntlm\r\n")),
            (401, true),
            "{head}"
        );
        let challenge = link.challenge("NTLM").await;
        let proof = format!("NTLM {}", STANDARD.encode(authenticate(&challenge, domain, user, "Grüße")));
        let mut other = Ntlm::connect(&server).await;
        assert_eq!(other.send(Some(&proof), &body).await.0, 401, "a proof is good on its connection only");
        let (status, _, answer) = link.send(Some(&proof), &body).await;
        assert_eq!((status, answer.contains("to alice@corp.example")), (200, true), "{answer}");
        assert_eq!(link.send(None, &body).await.0, 200, "the connection is logged in now");
        assert_eq!(other.send(None, &body).await.0, 401, "another connection is not");
        assert_eq!(link.send(Some(&proof), &body).await.0, 401, "a proof is good once");
        assert_eq!(link.send(None, &body).await.0, 401, "whoever tries again has to prove it again");
    }
}

/// The same with the mark that says that the messages are sealed, and the seal.
fn sealed(first: &[u8], challenge: &[u8], password: &str) -> Vec<u8> {
    let mut marked = challenge.to_vec();
    let end = marked.len() - 4;
    // The pair with flags goes before the last pair, which is empty.
    marked.splice(end..end, [6, 0, 4, 0, 2, 0, 0, 0]);
    let length = u16::from_le_bytes([marked[40], marked[41]]) + 8;
    marked[40..42].copy_from_slice(&length.to_le_bytes());
    let mut message = authenticate(&marked, "", ALICE, password);
    let key = md5_mac(&Md4::digest(utf16(password)), &[&utf16(&ALICE.to_uppercase())]);
    let session = md5_mac(&key, &[&message[112..128]]);
    let seal = md5_mac(&session, &[first, challenge, &message]);
    message[72..88].copy_from_slice(&seal);
    message
}

#[tokio::test]
async fn ntlm_checks_the_seal_of_who_seals() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Ntlm]).await;
    for (change, expected) in [(None, 200), (Some(72), 401), (Some(60), 401)] {
        let mut link = Ntlm::connect(&server).await;
        let challenge = link.challenge("NTLM").await;
        let mut message = sealed(FIRST, &challenge, "Grüße");
        if let Some(at) = change {
            message[at] ^= 0x10;
        }
        let proof = format!("NTLM {}", STANDARD.encode(message));
        assert_eq!(
            link.send(Some(&proof), &envelope(None, &find("inbox", ""))).await.0,
            expected,
            "{change:?}"
        );
    }
}

#[tokio::test]
async fn ntlm_refuses_wrong_proofs() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Ntlm]).await;
    for (domain, user, password) in
        [("CORP", "alice", "grüße"), ("CORP", "nobody", "Grüße"), ("OTHER", "alice", "Grüße")]
    {
        let mut link = Ntlm::connect(&server).await;
        let challenge = link.challenge("NTLM").await;
        let proof = format!("NTLM {}", STANDARD.encode(authenticate(&challenge, domain, user, password)));
        assert_eq!(link.send(Some(&proof), "").await.0, 401, "{domain} {user}");
    }
    let mut link = Ntlm::connect(&server).await;
    let mut message = authenticate(&link.challenge("NTLM").await, "CORP", "alice", "Grüße");
    let at = 88 + 24;
    message[at] ^= 1;
    assert_eq!(link.send(Some(&format!("NTLM {}", STANDARD.encode(&message))), "").await.0, 401);
    assert_eq!(
        ews(&server, &basic(ALICE, "Grüße"), &find("inbox", ""), None).await.status(),
        401,
        "Basic is off"
    );
}

#[tokio::test]
async fn negotiate_carries_ntlm_bare_and_in_its_envelope() {
    let organisation = organisation();
    let server = serve(&organisation, &[Scheme::Negotiate]).await;
    let mut link = Ntlm::connect(&server).await;
    let challenge = link.challenge("Negotiate").await;
    let proof = format!("Negotiate {}", STANDARD.encode(authenticate(&challenge, "", ALICE, "Grüße")));
    assert_eq!(link.send(Some(&proof), &envelope(None, &find("inbox", ""))).await.0, 200);

    let mut link = Ntlm::connect(&server).await;
    let first = [
        b"\x60\x20wrapped".as_slice(),
        b"NTLMSSP\0\x01\0\0\0\x07\x82\x08\xa2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ]
    .concat();
    let (_, head, _) = link.send(Some(&format!("Negotiate {}", STANDARD.encode(first))), "").await;
    let line =
        head.lines().find(|line| line.to_lowercase().starts_with("www-authenticate: negotiate ")).unwrap();
    let answer = STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
    assert_eq!(&answer[..1], b"\xa1");
    let at = answer.windows(8).position(|window| window == b"NTLMSSP\0").unwrap();
    let proof = [b"\xa1\x20".as_slice(), &authenticate(&answer[at..], "", ALICE, "Grüße")].concat();
    let (status, _, _) = link
        .send(Some(&format!("Negotiate {}", STANDARD.encode(proof))), &envelope(None, &find("inbox", "")))
        .await;
    assert_eq!(status, 200);
}
