//! Networks in the configuration: an address, or an address and a prefix length (CIDR, RFC 4632).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A network such as `10.0.0.0/8`, or a single address such as `127.0.0.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Returns the network that consists of one address.
    pub fn from_address(address: IpAddr) -> Self {
        Self { address, bits: width(address) }
    }

    /// Returns whether the network contains an address. An IPv4 network never contains an IPv6 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let shift = width(self.address) - self.bits;
        let number = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        let network = |address| number(address).checked_shr(shift).unwrap_or(0);
        width(address) == width(self.address) && network(address) == network(self.address)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is neither an address nor a network such as 10.0.0.0/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text.as_str(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = bits.map_or(Ok(width(address)), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > width(address) { Err(wrong()) } else { Ok(Self { address, bits }) }
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        match network.bits == width(network.address) {
            true => network.address.to_string(),
            false => format!("{}/{}", network.address, network.bits),
        }
    }
}

/// Returns whether a URL is one of this machine, which browsers trust without TLS.
pub fn is_loopback(url: &str) -> bool {
    let url = url::Url::parse(url).ok();
    match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns whether nobody on the way can read or change what is sent to a URL: it is an https URL, or an http URL of this
/// machine.
pub fn is_secure(url: &str) -> bool {
    url.starts_with("https://") || (url.starts_with("http://") && is_loopback(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses() {
        let contains = |network: &str, address: &str| {
            Network::try_from(network.to_owned()).unwrap().contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("127.0.0.1", "127.0.0.1") && !contains("127.0.0.1", "127.0.0.2"));
        assert!(contains("0.0.0.0/0", "203.0.113.7") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1") && contains("::/0", "::1"));
        for wrong in ["", "10.0.0.0/33", "example.org", "10.0.0.0/x", "10.0.0.0/-1"] {
            assert!(Network::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_are_written_as_they_were_read() {
        for text in ["10.0.0.0/8", "127.0.0.1", "::1"] {
            assert_eq!(String::from(Network::try_from(text.to_owned()).unwrap()), text);
        }
    }

    #[test]
    fn only_urls_of_this_machine_are_loopback() {
        for url in ["http://127.0.0.1:8080", "http://localhost:5173", "http://[::1]:80/"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["http://127.0.0.1.example.org", "http://localhost.example.org", "http://10.0.0.1", "localhost", ""]
        {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn plain_http_is_secure_on_this_machine_only() {
        for url in [
            "https://id.example.org",
            "http://localhost",
            "http://localhost:8080/a",
            "http://127.0.0.2",
            "http://[::1]:9",
        ] {
            assert!(is_secure(url), "{url}");
        }
        for url in [
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://localhost@example.org",
            "http://example.org/?http://localhost",
            "ftp://localhost",
            "localhost",
        ] {
            assert!(!is_secure(url), "{url}");
        }
    }
}
