//! Asking for the servers of a service, of a name server on this machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::net::SocketAddr;

use portcullis_transport::NameServers;
use simple_dns::rdata::{RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, RCODE, ResourceRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

const NAME: &str = "_autodiscover._tcp.corp.example";

/// The answer to a question, with these records: priority, weight, port, host.
fn answer(question: &[u8], records: &[(u16, u16, u16, &'static str)]) -> Vec<u8> {
    let asked = Packet::parse(question).unwrap();
    let mut packet = Packet::new_reply(asked.id());
    packet.questions.extend(asked.questions.iter().cloned());
    for (priority, weight, port, host) in records {
        let target = Name::new(host).unwrap();
        let data = SRV { priority: *priority, weight: *weight, port: *port, target };
        packet.answers.push(ResourceRecord::new(Name::new(NAME).unwrap(), CLASS::IN, 60, RData::SRV(data)));
    }
    packet.build_bytes_vec().unwrap()
}

/// A name server that sends these messages in answer to one question.
async fn serve(
    reply: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut question = vec![0; 512];
        let (length, from) = socket.recv_from(&mut question).await.unwrap();
        for message in reply(&question[..length]) {
            socket.send_to(&message, from).await.unwrap();
        }
    });
    (address, task)
}

fn hosts(found: Vec<portcullis_transport::ServiceRecord>) -> Vec<String> {
    found.into_iter().map(|record| format!("{}:{}", record.host, record.port)).collect()
}

#[tokio::test]
async fn servers_come_best_first_and_what_is_no_answer_is_passed_over() {
    let (address, _task) = serve(|question| {
        let mut guessed = answer(question, &[(0, 0, 443, "evil.example")]);
        guessed[0] ^= 0xff;
        let mine = [
            (10, 5, 443, "second.corp.example"),
            (10, 9, 443, "First.Corp.Example"),
            (20, 0, 8443, "last.corp.example"),
            (1, 0, 443, "not a host"),
        ];
        vec![b"nothing".to_vec(), guessed, question.to_vec(), answer(question, &mine)]
    })
    .await;
    let found = NameServers::new([address]).service(NAME).await.unwrap();
    assert_eq!(hosts(found), ["first.corp.example:443", "second.corp.example:443", "last.corp.example:8443"]);
}

#[tokio::test]
async fn no_such_name_is_no_error_and_a_server_that_fails_is_followed_by_the_next() {
    let (fails, _one) = serve(|question| {
        let mut refused = Packet::parse(question).unwrap().into_reply();
        *refused.rcode_mut() = RCODE::ServerFailure;
        vec![refused.build_bytes_vec().unwrap()]
    })
    .await;
    let (knows, _two) = serve(|question| {
        let mut nothing = Packet::parse(question).unwrap().into_reply();
        *nothing.rcode_mut() = RCODE::NameError;
        vec![nothing.build_bytes_vec().unwrap()]
    })
    .await;
    assert!(NameServers::new([fails, knows]).service(NAME).await.unwrap().is_empty());
    assert!(NameServers::new([]).service(NAME).await.is_err());
    let error = NameServers::new([knows]).service(&"x".repeat(300)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_again_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).await.unwrap();
    let server = tokio::spawn(async move {
        let mut question = vec![0; 512];
        let (length, from) = socket.recv_from(&mut question).await.unwrap();
        let mut cut = Packet::parse(&question[..length]).unwrap().into_reply();
        cut.set_flags(PacketFlag::TRUNCATION);
        socket.send_to(&cut.build_bytes_vec().unwrap(), from).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut again = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut again).await.unwrap();
        let whole = answer(&again, &[(0, 0, 443, "mail.corp.example")]);
        stream.write_u16(u16::try_from(whole.len()).unwrap()).await.unwrap();
        stream.write_all(&whole).await.unwrap();
    });
    let found = NameServers::new([address]).service(NAME).await.unwrap();
    assert_eq!(hosts(found), ["mail.corp.example:443"]);
    server.await.unwrap();
}
