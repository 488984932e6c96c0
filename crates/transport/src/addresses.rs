//! Which addresses a connection is made to, judged after a name was resolved and before anything is opened.
//!
//! A name that leads into the own network, to this machine or to a cloud's metadata turns a client into a door for
//! whoever owns the name. What is judged here is what is connected to: a name is resolved once. Of a proxy that
//! resolves names itself only addresses that stand in the request are judged; what it reaches is its own matter.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of addresses, such as `10.20.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// Why a text is no block of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a network is written like 10.20.0.0/16 or fd12:3456::/32, with nothing behind its prefix")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let first: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => most,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| NotANetwork)?
            }
            Some(_) => return Err(NotANetwork),
        };
        let network = Network { first, prefix };
        (prefix <= most && network.cut(first) == Some(bits(first))).then_some(network).ok_or(NotANetwork)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

/// An address as a number.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u32::from(four).into(),
        IpAddr::V6(six) => six.into(),
    }
}

impl Network {
    /// The address without what is behind the prefix; `None` for one of the other family.
    fn cut(&self, address: IpAddr) -> Option<u128> {
        if address.is_ipv4() != self.first.is_ipv4() {
            return None;
        }
        let width = if address.is_ipv4() { 32 } else { 128 };
        let behind = width - u32::from(self.prefix).min(width);
        Some(bits(address).checked_shr(behind).and_then(|cut| cut.checked_shl(behind)).unwrap_or(0))
    }

    /// Whether the address is in it. An IPv4 address in the clothes of IPv6 is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        [address, address.to_canonical()].into_iter().any(|one| self.cut(one) == Some(bits(self.first)))
    }
}

/// Which addresses a client connects to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Public ones only, but for the exceptions.
    filtered: bool,
    private: bool,
    networks: Vec<Network>,
}

impl Addresses {
    /// All of them: for a server that the operator chose and that is often in the own network.
    pub fn any() -> Self {
        Addresses::default()
    }

    /// Those that can be reached from everywhere.
    pub fn public() -> Self {
        Addresses { filtered: true, ..Addresses::default() }
    }

    /// And those of private networks and of this machine. Link-local addresses and those where clouds keep their
    /// metadata stay out; [`Addresses::and`] lets them in.
    #[must_use]
    pub fn and_private(mut self) -> Self {
        self.private = true;
        self
    }

    /// And those of this network, whatever they are.
    #[must_use]
    pub fn and(mut self, network: Network) -> Self {
        self.networks.push(network);
        self
    }

    /// Why nothing may connect to this address, as the second half of a sentence; `None` if it may.
    pub fn refuses(&self, address: IpAddr) -> Option<&'static str> {
        if !self.filtered || self.networks.iter().any(|network| network.contains(address)) {
            return None;
        }
        match standing(address) {
            Standing::Public => None,
            Standing::Private(_) if self.private => None,
            Standing::Private(what) | Standing::Special(what) => Some(what),
        }
    }
}

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Reachable from everywhere.
    Public,
    /// Of an own network or this machine.
    Private(&'static str),
    /// Of no server that somebody would name.
    Special(&'static str),
}

const METADATA: Standing = Standing::Special("is where a cloud keeps its metadata");
const LINK: Standing = Standing::Special("is link-local, where clouds keep their metadata");
const RESERVED: Standing = Standing::Special("is reserved");
const PRIVATE: Standing = Standing::Private("is private");
const LOOPBACK: Standing = Standing::Private("is this very machine");

/// By the registries of special addresses of IANA.
fn standing(address: IpAddr) -> Standing {
    match address.to_canonical() {
        IpAddr::V4(four) => of_four(four),
        IpAddr::V6(six) => of_six(six),
    }
}

fn of_four(address: Ipv4Addr) -> Standing {
    match address.octets() {
        // Azure, Alibaba and the old one of Oracle; the others are link-local.
        [168, 63, 129, 16] | [100, 100, 100, 200] | [192, 0, 0, 192] => METADATA,
        [127, ..] => LOOPBACK,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => PRIVATE,
        // Between a provider and its customers, and for measuring networks.
        [100, 64..=127, ..] | [198, 18 | 19, ..] => PRIVATE,
        [169, 254, ..] => LINK,
        [224..=239, ..] => Standing::Special("is multicast"),
        [0 | 240..=255, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => RESERVED,
        _ => Standing::Public,
    }
}

fn of_six(address: Ipv6Addr) -> Standing {
    // AWS.
    if address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) {
        return METADATA;
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => LOOPBACK,
        // An IPv4 address behind a translator (NAT64) or a tunnel (6to4).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => of_four(inner(high, low)),
        [0x64, 0xff9b, 1, ..] => PRIVATE,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => PRIVATE,
        [0xfe80..=0xfebf, ..] => LINK,
        [0xff00..=0xffff, ..] => Standing::Special("is multicast"),
        // Protocol assignments with Teredo, and documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => RESERVED,
        [0x2000..=0x3fff, ..] => Standing::Public,
        _ => RESERVED,
    }
}

fn inner(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refuses(rule: &Addresses, text: &str) -> bool {
        rule.refuses(text.parse().unwrap()).is_some()
    }

    const PRIVATE: [&str; 15] = [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "127.0.0.1",
        "127.9.9.9",
        "100.64.0.1",
        "198.18.0.1",
        "::1",
        "fc00::1",
        "fdff::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::",
    ];
    const SPECIAL: [&str; 19] = [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "203.0.113.9",
        "2001:db8::1",
        "2001::1",
        "::8.8.8.8",
    ];
    const PUBLIC: [&str; 7] = [
        "8.8.8.8",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1111",
        "64:ff9b::8.8.8.8",
        "::ffff:8.8.8.8",
        "223.255.255.1",
    ];

    #[test]
    fn only_public_addresses_are_let_through_unless_more_is_said() {
        let (public, private) = (Addresses::public(), Addresses::public().and_private());
        for text in PUBLIC {
            assert!(!refuses(&public, text) && !refuses(&private, text), "{text}");
        }
        for text in PRIVATE {
            assert!(refuses(&public, text) && !refuses(&private, text), "{text}");
        }
        for text in SPECIAL {
            assert!(refuses(&public, text) && refuses(&private, text), "{text}");
            assert!(!refuses(&Addresses::any(), text), "{text}");
        }
    }

    #[test]
    fn a_listed_network_is_let_through_and_nothing_beside_it() {
        let rule = Addresses::public().and("10.20.0.0/16".parse().unwrap()).and("fd12::/16".parse().unwrap());
        for text in ["10.20.0.0", "10.20.255.255", "::ffff:10.20.1.1", "fd12:ffff::1", "9.9.9.9"] {
            assert!(!refuses(&rule, text), "{text}");
        }
        for text in ["10.19.255.255", "10.21.0.0", "fd13::1", "127.0.0.1", "169.254.169.254"] {
            assert!(refuses(&rule, text), "{text}");
        }
        let one = Addresses::public().and("169.254.169.254".parse().unwrap());
        assert!(!refuses(&one, "169.254.169.254") && refuses(&one, "169.254.169.253"));
        assert!(!refuses(&Addresses::public().and("0.0.0.0/0".parse().unwrap()), "127.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/+8", "fd12::1/16", "host/8", "::/129"]
        {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
        for text in ["10.0.0.0/8", "::/0", "fd12::/16", "10.1.2.3/32"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn the_clothes_of_ipv6_change_nothing(number: u32, private: bool) {
            let four = Ipv4Addr::from(number);
            let rule = if private { Addresses::public().and_private() } else { Addresses::public() };
            let plain = rule.refuses(IpAddr::V4(four));
            let [a, b, c, d] = four.octets();
            let word = |high, low| u16::from_be_bytes([high, low]);
            let (high, low) = (word(a, b), word(c, d));
            for six in [
                four.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(rule.refuses(IpAddr::V6(six)), plain);
            }
        }

        #[test]
        fn any_text_is_a_network_or_is_refused(text in "\\PC{0,24}") {
            if let Ok(network) = text.parse::<Network>() {
                prop_assert_eq!(network.to_string().parse(), Ok(network));
            }
        }
    }
}
