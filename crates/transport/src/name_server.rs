//! One question to a name server that the system's own look-up cannot ask: which servers a service of a domain has
//! ([RFC 2782](https://www.rfc-editor.org/rfc/rfc2782)).
//!
//! A stub and nothing more: one recursive question over UDP to the name servers of the system, again over TCP where the
//! answer does not fit, and nothing kept. Names and messages are another library's to read and write. Left out: systems
//! that keep their name servers elsewhere than in `/etc/resolv.conf`, search lists, and signatures.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Where a system names its name servers.
const SYSTEM: &str = "/etc/resolv.conf";
/// How many name servers are asked, as the resolver of the system does.
const MOST_SERVERS: usize = 3;
/// How long each has to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer over UDP that is taken; without being asked, a server sends at most 512 bytes.
const DATAGRAM: usize = 4_096;
/// How many records are given out.
const MOST_RECORDS: usize = 16;

/// A server of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceRecord {
    /// Its name, in lower case and without a dot at the end.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// The name servers that are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServers {
    servers: Vec<SocketAddr>,
}

impl NameServers {
    /// These, in this order.
    pub fn new(servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        NameServers { servers: servers.into_iter().take(MOST_SERVERS).collect() }
    }

    /// Those of the system.
    ///
    /// # Errors
    /// Where the system does not say them in the way that is known here.
    pub fn of_system() -> io::Result<Self> {
        let servers = read(&std::fs::read_to_string(SYSTEM)?);
        match servers.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::NotFound, format!("{SYSTEM} names no name server"))),
            false => Ok(NameServers::new(servers)),
        }
    }

    /// The servers of a service, e.g. of `_autodiscover._tcp.corp.example`, best first. None is no error.
    ///
    /// # Errors
    /// Where the name is none, or no name server gives an answer.
    pub async fn service(&self, name: &str) -> io::Result<Vec<ServiceRecord>> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "there is no name server to ask");
        for server in &self.servers {
            match timeout(PATIENCE, ask(*server, name)).await {
                Ok(Ok(records)) => return Ok(records),
                Ok(Err(why)) if why.kind() == io::ErrorKind::InvalidInput => return Err(why),
                Ok(Err(why)) => failed = why,
                Err(_) => failed = io::Error::new(io::ErrorKind::TimedOut, "the name server does not answer"),
            }
        }
        Err(failed)
    }
}

/// The name servers in the text of such a file.
fn read(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next())?
    });
    // An address with a zone, as of a link, is one that cannot be written down.
    lines
        .filter_map(|address| address.parse::<IpAddr>().ok())
        .map(|address| SocketAddr::new(address, 53))
        .collect()
}

async fn ask(server: SocketAddr, name: &str) -> io::Result<Vec<ServiceRecord>> {
    let mut random = [0; 2];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let id = u16::from_be_bytes(random);
    let question = question(id, name)?;
    let local: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((local, 0)).await?;
    // Only what comes from there is let through.
    socket.connect(server).await?;
    socket.send(&question).await?;
    let mut answer = vec![0; DATAGRAM];
    loop {
        let length = socket.recv(&mut answer).await?;
        match answered(answer.get(..length).unwrap_or_default(), id, name)? {
            Answered::Records(records) => return Ok(records),
            Answered::Cut => return ask_over_tcp(server, &question, id, name).await,
            // Somebody guesses; the answer may still come.
            Answered::Stray => {}
        }
    }
}

async fn ask_over_tcp(
    server: SocketAddr,
    question: &[u8],
    id: u16,
    name: &str,
) -> io::Result<Vec<ServiceRecord>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    match answered(&answer, id, name)? {
        Answered::Records(records) => Ok(records),
        Answered::Cut | Answered::Stray => Err(broken("an answer to another question")),
    }
}

fn question(id: u16, name: &str) -> io::Result<Vec<u8>> {
    let not_a_name =
        |_| io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is no name of a service"));
    let written = Name::new(name).map_err(not_a_name)?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(written, QTYPE::TYPE(TYPE::SRV), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().map_err(not_a_name)
}

/// What a message comes to.
#[derive(Debug, PartialEq, Eq)]
enum Answered {
    Records(Vec<ServiceRecord>),
    /// There is more than fits.
    Cut,
    /// It is the answer to something else.
    Stray,
}

fn answered(bytes: &[u8], id: u16, name: &str) -> io::Result<Answered> {
    let Ok(packet) = Packet::parse(bytes) else { return Ok(Answered::Stray) };
    let asked = packet.questions.first().map(|question| question.qname.to_string());
    let same = asked.is_some_and(|asked| asked.eq_ignore_ascii_case(name.trim_end_matches('.')));
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) || !same {
        return Ok(Answered::Stray);
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Ok(Answered::Cut);
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Ok(Answered::Records(Vec::new())),
        other => return Err(broken(&format!("{other:?}"))),
    }
    let mut found: Vec<(u16, std::cmp::Reverse<u16>, ServiceRecord)> = packet
        .answers
        .iter()
        .filter_map(|record| match &record.rdata {
            RData::SRV(service) => {
                let host = service.target.to_string().trim_end_matches('.').to_ascii_lowercase();
                let record = ServiceRecord { host, port: service.port };
                Some((service.priority, std::cmp::Reverse(service.weight), record))
            }
            _ => None,
        })
        .collect();
    found.sort_by(|a, b| (a.0, a.1, &a.2.host).cmp(&(b.0, b.1, &b.2.host)));
    // No host at all says that the domain has no such service.
    let records = found.into_iter().map(|(_, _, record)| record).filter(|record| is_host(&record.host));
    Ok(Answered::Records(records.take(MOST_RECORDS).collect()))
}

fn is_host(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.split('.').all(|label| !label.is_empty() && label.chars().all(letters))
}

fn broken(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the name server answered {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_system_names_its_servers() {
        let text = "# nameserver 10.0.0.1\nsearch corp.example\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # x\n\
            nameserver fe80::1%eth0\nnameserver\noptions rotate\n";
        let found: Vec<String> = read(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:53"]);
    }

    proptest! {
        #[test]
        fn no_answer_is_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0_usize..60) {
            let name = "_autodiscover._tcp.corp.example";
            let _ = answered(&bytes, 7, name);
            // The same behind a head that is right.
            let mut whole = question(7, name).unwrap();
            whole[2] |= 0x80;
            whole[7] = 3;
            whole.truncate(whole.len().saturating_sub(cut % 8));
            whole.extend(bytes);
            let _ = answered(&whole, 7, name);
        }
    }
}
